//! `polyarch completions SHELL`, and the manual pages for packagers.

use std::path::PathBuf;

use clap_complete::Shell;

use super::context::{self, Context};
use super::failure::Failure;

/// Print shell completions
///
/// Put them where the shell looks:
///
///   polyarch completions bash > ~/.local/share/bash-completion/completions/polyarch
///   polyarch completions zsh > ~/.zfunc/_polyarch
///   polyarch completions fish > ~/.config/fish/completions/polyarch.fish
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    shell: Shell,
}

/// Write manual pages, one a command, into a folder
#[derive(clap::Args, Debug)]
pub(super) struct ManArgs {
    /// The folder; it is made if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[expect(clippy::unnecessary_wraps, reason = "every command has this form")]
pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "polyarch", &mut script);
    context
        .report
        .result(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let write = || {
        fs_err::create_dir_all(&args.folder)?;
        clap_mangen::generate_to(super::command(), &args.folder)
    };
    write().map_err(|source| {
        context::Error::Write {
            path: args.folder.clone(),
            source,
        }
        .into()
    })
}
