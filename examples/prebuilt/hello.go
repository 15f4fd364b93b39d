// Command hello stands for any program that exists already.
package main

import "fmt"

func main() {
	fmt.Println("hello from a file that existed already")
}
