/** Stands for an application that is one jar. */
public final class Hello {
    private Hello() {}

    public static void main(String[] arguments) {
        System.out.println("hello from a jar");
    }
}
