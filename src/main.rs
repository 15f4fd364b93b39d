//! The `polyarch` program.

use std::path::Path;
use std::process::ExitCode;

use polyarch::{cli, wrapper};

fn main() -> ExitCode {
    // A copy in the store is the interpreter of compiler wrappers. It runs once for each file that
    // is compiled, so nothing else may happen before.
    let name = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default();
    if name
        .as_encoded_bytes()
        .starts_with(wrapper::NAME.as_bytes())
    {
        return wrapper::main(std::env::args_os());
    }
    cli::main()
}
