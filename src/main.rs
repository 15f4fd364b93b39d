//! The `polyarch` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    polyarch::cli::main()
}
