//! Whether an object file defines a symbol.
//!
//! Comes in: an object file that a compiler has just written. Goes out: whether its symbol table
//! has a global function of that name. Source: System V ABI, "Symbol Table".

use std::io::BufReader;
use std::path::Path;

use object::elf as raw;
use object::read::elf::{ElfFile, FileHeader};
use object::read::{Object, ObjectSymbol, ReadCache};
use object::{Endianness, FileKind};

use super::facts::Error;
use super::source::malformed;

/// Whether the object file defines a function of that name for all to call.
pub fn defines(file: &Path, name: &str) -> Result<bool, Error> {
    let io = |source| Error::Io {
        file: file.to_owned(),
        source,
    };
    let open = fs_err::File::open(file).map_err(io)?;
    let cache = ReadCache::new(BufReader::new(open));
    let kind = FileKind::parse(&cache);
    let found = match kind {
        Ok(FileKind::Elf32) => has::<raw::FileHeader32<Endianness>>(&cache, name),
        Ok(FileKind::Elf64) => has::<raw::FileHeader64<Endianness>>(&cache, name),
        Ok(_) => None,
        Err(error) => return Err(malformed(error.to_string()).of(file)),
    };
    found.ok_or_else(|| malformed("it has no table of symbols that can be read").of(file))
}

fn has<H: FileHeader<Endian = Endianness>>(
    cache: &ReadCache<BufReader<fs_err::File>>,
    name: &str,
) -> Option<bool> {
    let file: ElfFile<'_, H, _> = ElfFile::parse(cache).ok()?;
    Some(file.symbols().any(|symbol| {
        symbol.is_global() && symbol.is_definition() && symbol.name_bytes() == Ok(name.as_bytes())
    }))
}
