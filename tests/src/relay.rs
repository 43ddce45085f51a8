//! Many clients on one machine: a relay that makes every connection come from
//! an address of its own, because the server limits how often one address may
//! sign up. TLS goes through it from end to end.

use coffer_protocol::link::Link;
use std::net::Ipv4Addr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// A relay on loopback, until it is dropped.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    task: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay to the server of a link.
    pub async fn start(to: &Link) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server: std::net::SocketAddr =
            format!("{}:{}", to.host, to.port).parse().expect("an address");
        let task = tokio::spawn(async move {
            // 127.1.0.1 and on: addresses that nothing else uses.
            for number in 0x7f01_0001_u32.. {
                let Ok((client, _)) = listener.accept().await else { return };
                tokio::spawn(pass(client, Ipv4Addr::from(number), server));
            }
        });
        Self { port, task }
    }

    /// The link, to be dialled through this relay.
    pub fn link(&self, link: &Link) -> Link {
        Link { host: "127.0.0.1".to_owned(), port: self.port, ..link.clone() }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, from: Ipv4Addr, server: std::net::SocketAddr) {
    let connected = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let mut server = socket.connect(server).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    };
    // Either side may hang up whenever it likes.
    let _ = connected.await;
}
