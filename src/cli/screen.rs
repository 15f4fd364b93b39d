//! The terminal that progress is drawn on. In: what indicatif draws. Out: the same on standard
//! error, with the cursor put back to the start of its line.
//!
//! indicatif leaves the cursor at the right margin. What the terminal echoes there for Ctrl-C goes to
//! the next line, the next drawing begins one line too low, and the line above stays for ever. At the
//! start of the line the echo is overwritten. The sequences are those of ECMA-48 (CUU, CUD, CUF, CUB,
//! EL).

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressDrawTarget, TermLike};

/// As often as indicatif draws by itself.
const DRAWINGS_A_SECOND: u8 = 20;

/// Where the terminal does not say its size.
const USUAL: (u16, u16) = (80, 24);

/// Standard error as a place to draw on.
pub(super) fn stderr() -> ProgressDrawTarget {
    let screen = Screen {
        pending: Mutex::new(Vec::new()),
        write: |bytes| io::stderr().lock().write_all(bytes),
    };
    ProgressDrawTarget::term_like_with_hz(Box::new(screen), DRAWINGS_A_SECOND)
}

/// One drawing at a time, written whole.
#[derive(Debug)]
struct Screen {
    pending: Mutex<Vec<u8>>,
    write: fn(&[u8]) -> io::Result<()>,
}

impl Screen {
    fn put(&self, text: &str) -> io::Result<()> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.write_all(text.as_bytes())
    }

    fn step(&self, count: usize, direction: char) -> io::Result<()> {
        match count {
            0 => Ok(()),
            count => self.put(&format!("\x1b[{count}{direction}")),
        }
    }
}

fn size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => USUAL,
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        size().0
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.step(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.step(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.step(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.step(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.put(&format!("{s}\n"))
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.put(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.is_empty() {
            return Ok(());
        }
        pending.push(b'\r');
        let result = (self.write)(&pending);
        pending.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static DRAWN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

    #[test]
    fn a_drawing_is_written_whole_and_ends_at_the_start_of_its_line() {
        let screen = Screen {
            pending: Mutex::default(),
            write: |bytes| DRAWN.lock().expect("not poisoned").write_all(bytes),
        };
        screen.flush().expect("nothing to draw");
        screen.move_cursor_up(0).expect("draws");
        screen.move_cursor_up(2).expect("draws");
        screen.clear_line().expect("draws");
        screen.write_str("half  ").expect("draws");
        assert!(DRAWN.lock().expect("not poisoned").is_empty());
        screen.flush().expect("draws");
        let drawn = DRAWN.lock().expect("not poisoned").clone();
        assert_eq!(drawn, b"\x1b[2A\r\x1b[2Khalf  \r");
    }
}
