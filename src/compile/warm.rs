//! Makes compilers build beforehand what they build once for each target: start-up files,
//! compiler-rt, libc++. Comes in: compilers. Goes out: nothing; it lies in the compilers' cache.

use std::num::NonZero;
use std::path::Path;

use super::{Error, Failure};
use crate::parallel;
use crate::process::{self, CommandSpec, Runner};
use crate::progress::Observer;
use crate::target::Platform;
use crate::toolchain::Compilers;

/// What stands for all of C, and with what it is compiled.
const C: Program = Program {
    tool: "cc",
    file: "warm.c",
    text: "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n",
};

/// What pulls in libc++, its ABI library and the unwinder.
const CXX: Program = Program {
    tool: "c++",
    file: "warm.cc",
    text: "#include <iostream>\n#include <stdexcept>\n#include <thread>\nint main() {\n  try {\n    \
           std::thread([] { std::cout << 1; }).join();\n    throw std::runtime_error(\"\");\n  } \
           catch (const std::exception &) {\n  }\n}\n",
};

/// Compilers differ in what they build for debugging and for speed.
const LEVELS: [&str; 2] = ["-O0", "-O2"];

struct Program {
    tool: &'static str,
    file: &'static str,
    text: &'static str,
}

/// Compiles and links a program in each language for each target; `folder` is empty and ours.
pub fn warm(
    all: &[Compilers],
    folder: &Path,
    jobs: NonZero<usize>,
    observer: &dyn Observer,
) -> Result<(), Error> {
    for program in [&C, &CXX] {
        fs_err::write(folder.join(program.file), program.text)?;
    }
    let failed = parallel::all(all, jobs.get(), |compilers| {
        let meter = observer.begin(&format!("warming up for {}", compilers.platform), None);
        let result = one(compilers, folder);
        drop(meter);
        result
    });
    let mut failures = Vec::new();
    for result in failed {
        failures.extend(result?);
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Error::Failed(failures))
    }
}

fn one(compilers: &Compilers, folder: &Path) -> Result<Option<Failure>, Error> {
    for program in [&C, &CXX] {
        for level in LEVELS {
            let spec = command(compilers, program, level, folder);
            let output = Runner.output(&spec)?;
            if !output.status.success() {
                return Ok(Some(failure(compilers.platform, &output)));
            }
        }
    }
    Ok(None)
}

fn command(compilers: &Compilers, program: &Program, level: &str, folder: &Path) -> CommandSpec {
    let output = format!("{}-{}{level}", compilers.platform.directory(), program.tool);
    let spec = CommandSpec::new(compilers.tool(program.tool), folder)
        .arg(level)
        .arg(program.file)
        .arg("-o")
        .arg(output)
        .env("ZIG_LOCAL_CACHE_DIR", folder.join("cache"));
    compilers.set_up(spec)
}

fn failure(platform: Platform, output: &process::Output) -> Failure {
    Failure {
        platforms: vec![platform],
        status: process::describe(output.status),
        message: String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned(),
    }
}
