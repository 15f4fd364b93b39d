//! Makes a function of a file of texts. Like every build script it runs on the machine that builds.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=greetings.txt");
    let mut arms = String::new();
    for line in fs::read_to_string("greetings.txt").unwrap().lines() {
        let (language, text) = line.split_once(' ').expect("a language and a text");
        writeln!(arms, "        {language:?} => Some({text:?}),").unwrap();
    }
    // What the program is for is told by variables, not by `cfg!`, which tells of this script.
    let target = env::var("CARGO_CFG_TARGET_ARCH").unwrap();
    let code = format!(
        "/// What is said in a language.\n\
         pub fn greeting(language: &str) -> Option<&'static str> {{\n    match language {{\n\
         {arms}        _ => None,\n    }}\n}}\n\n\
         /// The architecture that the build script was told.\n\
         pub const ARCHITECTURE: &str = {target:?};\n"
    );
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("greetings.rs"), code).unwrap();
}
