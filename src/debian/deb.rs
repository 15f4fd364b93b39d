//! Binary packages, `.deb` files, as streams (deb(5)).
//!
//! Comes in: a stream that is not trusted. Goes out: what `control.tar` says, checked and bounded,
//! and `data.tar` as a stream of decompressed bytes that ends or fails at a given size. Members are
//! taken in the order that deb(5) fixes: `debian-binary`, then `control.tar`, then `data.tar`; names
//! that begin with `_` are passed over, and so is all that follows. bzip2 and lzma, which dpkg reads
//! for the sake of packages older than 2012, are refused by name.

mod control;
pub mod tarball;

use std::io::{self, BufRead, Read};

use liblzma::stream::{CONCATENATED, Stream};
use thiserror::Error;

use super::ar;
use crate::fault::{Exit, Fault};

pub use control::{Control, Difference};

/// The most bytes that a package's data may have where nothing else is said.
pub const MAXIMUM: u64 = 8 << 30;
/// The most bytes of `control.tar`: the checksums of 100,000 files have some 10 MB.
const MAXIMUM_CONTROL: u64 = 64 << 20;
/// The most memory that decompressing one xz stream may take. `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 96 << 20;
/// The largest window of a Zstandard stream, as a power of two: 128 MiB, as `zstd -d` has it.
const ZSTD_WINDOW: u32 = 27;
/// The longest content of `debian-binary` that is read.
const MAXIMUM_VERSION: u64 = 64;

/// Why something is no package that can be read.
#[derive(Debug, Error)]
pub enum Error {
    /// It is not the archive that packages are.
    #[error(transparent)]
    Ar(#[from] ar::Error),
    /// A member is not the one that has to be here.
    #[error("has {} where `{expected}` is expected", describe(found.as_deref()))]
    Member {
        /// What has to be here.
        expected: &'static str,
        /// What is here, if anything is.
        found: Option<String>,
    },
    /// The format is of another major version.
    #[error("has format version `{0}`: expected 2.x")]
    Version(String),
    /// The member is compressed in a way that is not read.
    #[error("has `{member}`: expected `{expected}` plain or with .gz, .xz or .zst")]
    Compression {
        /// The member.
        member: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Its tar archive is damaged or has what packages may not have.
    #[error("`{member}` {reason}")]
    Tar {
        /// Which one.
        member: &'static str,
        /// What is wrong with it.
        reason: tarball::Error,
    },
    /// The control information is not complete or malformed.
    #[error("the control file {0}")]
    Control(String),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        let reason = match self {
            Self::Ar(ar::Error::Io(reason))
            | Self::Tar {
                reason: tarball::Error::Damaged { reason, .. },
                ..
            } => Some(reason),
            _ => None,
        };
        // What the system itself refused is not the package's fault.
        match reason.and_then(io::Error::raw_os_error) {
            Some(_) => Exit::Io,
            None => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Compression { .. } => Some(
                "repack it: `dpkg-deb -R OLD.deb DIR && dpkg-deb -Zxz -b DIR NEW.deb`".to_owned(),
            ),
            _ => None,
        }
    }
}

/// A package that was opened.
pub struct Deb<'a> {
    /// What it says about itself.
    pub control: Control,
    /// The tar stream with its files. It fails where there is more than was allowed.
    pub data: Box<dyn Read + Send + 'a>,
}

/// Opens a package, whose data may have `maximum` bytes.
pub fn open<'a>(stream: impl BufRead + Send + 'a, maximum: u64) -> Result<Deb<'a>, Error> {
    let mut archive = ar::Reader::new(stream)?;
    version(&mut archive)?;
    let name = member(&mut archive, "control.tar")?;
    let control = {
        let stream = decompress(&mut archive, &name, "control.tar", MAXIMUM_CONTROL)?;
        Control::read(stream)?
    };
    let name = member(&mut archive, "data.tar")?;
    let data = decompress(archive, &name, "data.tar", maximum)?;
    Ok(Deb { control, data })
}

fn version(archive: &mut ar::Reader<impl BufRead>) -> Result<(), Error> {
    let found = archive.advance()?.map(|member| member.name);
    if found.as_deref() != Some("debian-binary") {
        return Err(Error::Member {
            expected: "debian-binary",
            found,
        });
    }
    let mut content = Vec::new();
    archive
        .take(MAXIMUM_VERSION)
        .read_to_end(&mut content)
        .map_err(ar::Error::Io)?;
    let line = content.split(|byte| *byte == b'\n').next();
    match line.unwrap_or_default() {
        [b'2', b'.', minor @ ..] if !minor.is_empty() && minor.iter().all(u8::is_ascii_digit) => {
            Ok(())
        }
        line => Err(Error::Version(String::from_utf8_lossy(line).into_owned())),
    }
}

/// The name of the next member that is not to be passed over, which has to be the one expected.
fn member(archive: &mut ar::Reader<impl BufRead>, expected: &'static str) -> Result<String, Error> {
    loop {
        match archive.advance()? {
            Some(member) if member.name.starts_with('_') => {}
            Some(member) if member.name.starts_with(expected) => return Ok(member.name),
            other => {
                return Err(Error::Member {
                    expected,
                    found: other.map(|member| member.name),
                });
            }
        }
    }
}

fn decompress<'a>(
    stream: impl BufRead + Send + 'a,
    name: &str,
    expected: &'static str,
    maximum: u64,
) -> Result<Box<dyn Read + Send + 'a>, Error> {
    let unreadable = |error| Error::Ar(ar::Error::Io(error));
    Ok(match name.strip_prefix(expected) {
        Some("") => Box::new(Bounded::new(stream, maximum)),
        Some(".gz") => {
            let decoder = flate2::bufread::MultiGzDecoder::new(stream);
            Box::new(Bounded::new(decoder, maximum))
        }
        Some(".xz") => {
            let decoder = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED);
            let decoder = decoder.map_err(|error| unreadable(error.into()))?;
            let decoder = liblzma::bufread::XzDecoder::new_stream(stream, decoder);
            Box::new(Bounded::new(decoder, maximum))
        }
        Some(".zst") => {
            let mut decoder = zstd::Decoder::with_buffer(stream).map_err(unreadable)?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(unreadable)?;
            Box::new(Bounded::new(decoder, maximum))
        }
        _ => {
            return Err(Error::Compression {
                member: name.to_owned(),
                expected,
            });
        }
    })
}

/// Fails once there are more bytes than may be.
struct Bounded<R> {
    inner: R,
    left: u64,
    maximum: u64,
}

impl<R: Read> Bounded<R> {
    fn new(inner: R, maximum: u64) -> Self {
        Self {
            inner,
            left: maximum,
            maximum,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than may come, so that an end exactly there is no fault.
        let most = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX);
        let most = buffer.len().min(most);
        let read = self.inner.read(&mut buffer[..most])?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!("more than {} bytes when decompressed", self.maximum),
                ));
            }
        }
        Ok(read)
    }
}

fn describe(found: Option<&str>) -> String {
    found.map_or_else(|| "no member".to_owned(), |name| format!("`{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::sample::{self, Tar, ar};

    const CONTROL: &str = "Package: demo\nVersion: 1\nArchitecture: all\n";

    fn control() -> Vec<u8> {
        Tar::default().file("./control", CONTROL).end()
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut deb = open(bytes, MAXIMUM)?;
        assert_eq!(deb.control.package, "demo");
        let mut data = Vec::new();
        deb.data.read_to_end(&mut data).map_err(ar::Error::Io)?;
        Ok(data)
    }

    fn package(members: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
        read(&ar(members))
    }

    #[test]
    fn every_compression_that_dpkg_writes_is_read() {
        let data = b"data ".repeat(1000);
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
        type Compress<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
        let compress: [(&str, Compress<'_>); 4] = [
            ("", &<[u8]>::to_vec),
            (".gz", &sample::gzip),
            (".xz", &sample::xz),
            (".zst", &zstd),
        ];
        for (end, compress) in compress {
            let found = package(&[
                ("debian-binary", b"2.0\n"),
                (&format!("control.tar{end}"), &compress(&control())),
                (&format!("data.tar{end}"), &compress(&data)),
            ]);
            assert_eq!(found.unwrap(), data, "{end}");
        }
    }

    #[test]
    fn members_that_later_versions_may_add_are_passed_over() {
        let found = package(&[
            ("debian-binary", b"2.1\nmore\n"),
            ("_signature", b"x"),
            ("control.tar", &control()),
            ("_another", b"xyz"),
            ("data.tar", b"data"),
            ("anything", b""),
        ]);
        assert_eq!(found.unwrap(), b"data");
    }

    #[test]
    fn what_is_no_package_is_refused_by_name() {
        let binary = ("debian-binary", &b"2.0\n"[..]);
        let control = control();
        let control = ("control.tar", &control[..]);
        for (members, expected) in [
            (
                &[control, binary][..],
                "has `control.tar` where `debian-binary` is expected",
            ),
            (
                &[binary][..],
                "has no member where `control.tar` is expected",
            ),
            (
                &[binary, control][..],
                "has no member where `data.tar` is expected",
            ),
            (
                &[binary, ("data.tar", b""), control][..],
                "has `data.tar` where `control.tar` is expected",
            ),
            (
                &[binary, ("other", b""), control][..],
                "has `other` where `control.tar` is expected",
            ),
            (
                &[("debian-binary", &b"3.0\n"[..]), control][..],
                "has format version `3.0`: expected 2.x",
            ),
            (
                &[("debian-binary", &b""[..])][..],
                "has format version ``: expected 2.x",
            ),
            (
                &[binary, control, ("data.tar.bz2", b"BZh")][..],
                "has `data.tar.bz2`: expected `data.tar` plain or with .gz, .xz or .zst",
            ),
        ] {
            let error = package(members).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.exit(), Exit::Integrity);
        }
        let error = read(b"PK").unwrap_err();
        assert_eq!(
            error.to_string(),
            "is no ar archive: expected it to begin with `!<arch>`"
        );
    }

    #[test]
    fn old_compression_has_a_way_out() {
        let binary = ("debian-binary", &b"2.0\n"[..]);
        let control = control();
        for name in ["data.tar.bz2", "data.tar.lzma"] {
            let members = [binary, ("control.tar", &control[..]), (name, b"x")];
            let hint = package(&members).unwrap_err().hint().unwrap();
            assert!(hint.contains("dpkg-deb -Zxz"), "{hint}");
        }
    }

    #[test]
    fn the_data_ends_where_the_bound_is_and_not_before() {
        let data = vec![7; 5000];
        let bytes = ar(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &control()),
            ("data.tar.xz", &sample::xz(&data)),
        ]);
        let read = |maximum| {
            let mut found = Vec::new();
            let mut deb = open(&bytes[..], maximum).unwrap();
            deb.data.read_to_end(&mut found).map(|_| found.len())
        };
        assert_eq!(read(5000).unwrap(), 5000);
        let error = read(4999).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn xz_that_wants_too_much_memory_is_refused() {
        let mut options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
        let mut filters = liblzma::stream::Filters::new();
        filters.lzma2(options.dict_size(128 << 20));
        let check = liblzma::stream::Check::Crc32;
        let encoder = Stream::new_stream_encoder(&filters, check).unwrap();
        let mut data = Vec::new();
        liblzma::read::XzEncoder::new_stream(&b"x"[..], encoder)
            .read_to_end(&mut data)
            .unwrap();
        let found = package(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &control()),
            ("data.tar.xz", &data),
        ]);
        assert!(found.is_err());
    }
}
