//! A TLS server and a client in one program: each argument goes to the server and comes back in
//! capital letters, encrypted both ways. The certificates are for this example only.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

const AUTHORITY: &[u8] = include_bytes!("../certificates/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("../certificates/server.pem");
const KEY: &[u8] = include_bytes!("../certificates/key.pem");

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || serve(&listener));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY)?)?;
        let config = ClientConfig::builder_with_protocol_versions(&[version])
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("example.test")?;
        let client = ClientConnection::new(Arc::new(config), name)?;
        let stream = StreamOwned::new(client, TcpStream::connect(address)?);
        talk(stream)?;
    }
    server.join().expect("the server does not panic")
}

fn talk(stream: StreamOwned<ClientConnection, TcpStream>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    for text in std::env::args().skip(1) {
        writeln!(stream.get_mut(), "{text}")?;
        let mut answer = String::new();
        stream.read_line(&mut answer)?;
        let version = stream.get_ref().conn.protocol_version();
        println!("{:?}: {}", version.ok_or("no handshake")?, answer.trim_end());
    }
    stream.get_mut().conn.send_close_notify();
    stream.get_mut().flush()?;
    Ok(())
}

/// Answers two clients.
fn serve(listener: &TcpListener) -> Result<()> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::from_pem_slice(KEY)?)?;
    let config = Arc::new(config);
    for _ in 0..2 {
        let connection = ServerConnection::new(Arc::clone(&config))?;
        let mut stream = BufReader::new(StreamOwned::new(connection, listener.accept()?.0));
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            stream.get_mut().write_all(line.to_uppercase().as_bytes())?;
            line.clear();
        }
    }
    Ok(())
}
