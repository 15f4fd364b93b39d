//! Counts the words of each argument in a thread of its own. One that asks for it panics, and is
//! caught: threads and unwinding work on every platform.

use std::{env, panic, thread};

fn count(text: &str) -> usize {
    assert!(text != "panic", "asked for");
    text.split_whitespace().count()
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    let texts: Vec<String> = env::args().skip(1).collect();
    let threads: Vec<_> = texts
        .into_iter()
        .map(|text| thread::spawn(move || (count(&text), text)))
        .collect();
    println!("{} arguments", threads.len());
    for thread in threads {
        match thread.join() {
            Ok((words, text)) => println!("{words} in {text:?}"),
            Err(_) => println!("a thread panicked"),
        }
    }
}
