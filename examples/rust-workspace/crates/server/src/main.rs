//! Answers requests: a language on a line, a greeting on a line. Without an address it asks itself
//! once, in the languages that are its arguments.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    assert_eq!(greetings::ARCHITECTURE, env::consts::ARCH);
    if let Ok(address) = env::var("ADDRESS") {
        for stream in TcpListener::bind(address)?.incoming() {
            let stream = stream?;
            thread::spawn(move || answer(stream));
        }
        return Ok(());
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stream = TcpStream::connect(listener.local_addr()?)?;
    let server = thread::spawn(move || answer(listener.accept()?.0));
    let mut answers = BufReader::new(stream.try_clone()?).lines();
    for language in env::args().skip(1) {
        writeln!(stream, "{language}")?;
        println!("{}", answers.next().unwrap_or(Ok(String::new()))?);
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    server.join().expect("the server does not panic")
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    for language in BufReader::new(stream.try_clone()?).lines() {
        let text = greetings::greeting(&language?).unwrap_or("?");
        writeln!(stream, "{text}")?;
    }
    Ok(())
}
