//! The network between two machines of a test: passes bytes on, and can be slow,
//! silent, or gone.
//!
//! Bytes keep their order and none is lost but with its connection. What is on
//! the way is bounded. Nothing polls.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Bytes that travel together.
const BLOCK: usize = 16 << 10;
/// Blocks of one connection on the way in one direction.
const ON_THE_WAY: usize = 1024;
/// Time that a timer may be late without making the line slower than it says.
const SLACK: Duration = Duration::from_millis(10);

/// What becomes of connections and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// They pass.
    Open,
    /// Bytes wait; nobody hears of it.
    Silent,
    /// Every connection is reset, new ones at once.
    Cut,
}

/// The way of bytes: from whoever dialled, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever dialled the proxy to the machine behind it.
    Forth,
    /// From the machine behind it to whoever dialled.
    Back,
}

/// How fast a direction is, for all connections together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// Time that a byte takes.
    pub latency: Duration,
    /// Bytes in a second; any number without one.
    pub bytes_per_second: Option<u64>,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    line: Mutex<Line>,
    /// Until when the line is busy with what has been sent.
    busy: Mutex<Option<Instant>>,
    passed: AtomicU64,
}

impl Way {
    /// When a block that is here now has left, and when it is there.
    fn times(&self, len: usize) -> (Instant, Instant) {
        let line = *self.line.lock().expect("lock");
        let now = Instant::now();
        let Some(rate) = line.bytes_per_second else { return (now, now + line.latency) };
        let mut busy = self.busy.lock().expect("lock");
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        let begins = busy.map_or(now, |until| until.max(earliest));
        let left = begins + Duration::from_secs_f64(len as f64 / rate.max(1) as f64);
        *busy = Some(left);
        (left, left + line.latency)
    }
}

#[derive(Debug)]
struct Net {
    target: SocketAddr,
    state: watch::Sender<State>,
    forth: Way,
    back: Way,
    connections: AtomicU64,
}

/// A proxy on loopback, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    net: Arc<Net>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Starts a proxy to `target`, an address with a port. Nobody has to listen there yet.
    pub fn to(target: &str) -> Self {
        let net = Arc::new(Net {
            target: target.parse().expect("an address with a port"),
            state: watch::Sender::new(State::Open),
            forth: Way::default(),
            back: Way::default(),
            connections: AtomicU64::new(0),
        });
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let port = crate::server::free_port();
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port");
        let address = socket.local_addr().expect("an address");
        socket.set_nonblocking(true).expect("non-blocking");
        runtime.spawn(serve(socket, Arc::clone(&net)));
        Self { address, net, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// A link to the machine behind the proxy, to be dialled through it.
    pub fn link(&self, link: &str) -> String {
        crate::server::link_at(link, &self.address())
    }

    /// From now on nothing passes and nobody is told: bytes and new connections
    /// wait, as behind a cable that was pulled out.
    pub fn silence(&self) {
        self.net.state.send_replace(State::Silent);
    }

    /// From now on every connection is reset, those that are open and new ones.
    pub fn cut(&self) {
        self.net.state.send_replace(State::Cut);
    }

    /// Everything passes again; what waited arrives.
    pub fn heal(&self) {
        self.net.state.send_replace(State::Open);
    }

    /// Makes both directions as slow as `line`.
    pub fn slow(&self, line: Line) {
        self.slow_one(Direction::Forth, line);
        self.slow_one(Direction::Back, line);
    }

    /// Makes one direction as slow as `line`.
    pub fn slow_one(&self, direction: Direction, line: Line) {
        let way = self.way(direction);
        *way.line.lock().expect("lock") = line;
        *way.busy.lock().expect("lock") = None;
    }

    /// Bytes that have arrived in a direction, of all connections.
    pub fn passed(&self, direction: Direction) -> u64 {
        self.way(direction).passed.load(Ordering::Relaxed)
    }

    /// Connections that were made to the machine behind the proxy.
    pub fn connections(&self) -> u64 {
        self.net.connections.load(Ordering::Relaxed)
    }

    fn way(&self, direction: Direction) -> &Way {
        match direction {
            Direction::Forth => &self.net.forth,
            Direction::Back => &self.net.back,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(socket: std::net::TcpListener, net: Arc<Net>) {
    let listener = TcpListener::from_std(socket).expect("a listener");
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connection(client, Arc::clone(&net)));
    }
}

/// One connection, until both sides have ended it, or the proxy is cut.
async fn connection(mut client: TcpStream, net: Arc<Net>) {
    let mut state = net.state.subscribe();
    let mut cut = pin!(state.wait_for(|state| *state == State::Cut));
    let server = tokio::select! {
        _ = &mut cut => Err(io::ErrorKind::ConnectionReset.into()),
        server = dial(&net) => server,
    };
    let Ok(mut server) = server else { return reset(&client) };
    let ended = tokio::select! {
        _ = &mut cut => false,
        ended = pass(&mut client, &mut server, &net) => ended.is_ok(),
    };
    if !ended {
        reset(&client);
        reset(&server);
    }
}

async fn dial(net: &Net) -> io::Result<TcpStream> {
    open(net).await;
    let server = TcpStream::connect(net.target).await?;
    net.connections.fetch_add(1, Ordering::Relaxed);
    Ok(server)
}

/// Makes the end of a connection a reset. A connection that is gone needs none.
fn reset(socket: &TcpStream) {
    let _ = socket.set_zero_linger();
}

async fn pass(client: &mut TcpStream, server: &mut TcpStream, net: &Net) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let forth = carry(from_client, to_server, &net.forth, net);
    let back = carry(from_server, to_client, &net.back, net);
    tokio::try_join!(forth, back).map(|_| ())
}

/// Waits until bytes pass.
async fn open(net: &Net) {
    // It cannot fail while `net` holds the sender.
    let _ = net.state.subscribe().wait_for(|state| *state == State::Open).await;
}

/// Sleeps until a moment. A timer rounds up to a millisecond, so there is none for
/// a moment that is past.
async fn until(moment: Instant) {
    if moment > Instant::now() {
        sleep_until(moment).await;
    }
}

/// Carries one direction of a connection to its end.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    way: &Way,
    net: &Net,
) -> io::Result<()> {
    let (queue, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let take = async move {
        loop {
            let mut block = vec![0; BLOCK];
            let len = from.read(&mut block).await?;
            if len == 0 {
                return Ok(());
            }
            block.truncate(len);
            let (left, there) = way.times(len);
            until(left).await;
            if queue.send((there, block)).await.is_err() {
                return Ok(());
            }
        }
    };
    let give = async move {
        while let Some((there, block)) = arriving.recv().await {
            until(there).await;
            open(net).await;
            // Before, so that nobody has received what was not counted.
            way.passed.fetch_add(block.len() as u64, Ordering::Relaxed);
            to.write_all(&block).await?;
        }
        open(net).await;
        to.shutdown().await
    };
    tokio::try_join!(take, give).map(|((), ())| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net;

    /// A proxy to somebody who sends everything back.
    fn echo() -> Proxy {
        let listener = net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let Ok(mut socket) = socket else { return };
                std::thread::spawn(move || {
                    let mut back = socket.try_clone().expect("a handle");
                    let _ = io::copy(&mut socket, &mut back);
                });
            }
        });
        Proxy::to(&address.to_string())
    }

    fn dial(proxy: &Proxy) -> net::TcpStream {
        let socket = net::TcpStream::connect(proxy.address()).expect("it listens");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        socket
    }

    fn there_and_back(socket: &mut net::TcpStream, bytes: &[u8]) -> Duration {
        let begun = std::time::Instant::now();
        let mut writer = socket.try_clone().expect("a handle");
        std::thread::scope(|scope| {
            scope.spawn(move || writer.write_all(bytes).expect("sent"));
            let mut answer = vec![0; bytes.len()];
            socket.read_exact(&mut answer).expect("an answer");
            assert!(answer == bytes);
        });
        begun.elapsed()
    }

    #[test]
    fn bytes_pass_and_are_counted() {
        let proxy = echo();
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        there_and_back(&mut dial(&proxy), &bytes);
        assert_eq!(proxy.passed(Direction::Forth), 1_000_000);
        assert_eq!(proxy.passed(Direction::Back), 1_000_000);
        assert_eq!(proxy.connections(), 1);
    }

    #[test]
    fn a_slow_line_takes_its_time() {
        let proxy = echo();
        let mut socket = dial(&proxy);
        let line = Line { latency: Duration::from_millis(50), bytes_per_second: Some(1_000_000) };
        proxy.slow(line);
        let bytes = vec![7; 200_000];
        let took = there_and_back(&mut socket, &bytes);
        // 0.2 s to send, and the latency of either direction.
        assert!(took > Duration::from_millis(280), "{took:?}");
        proxy.slow(Line::default());
        let took = there_and_back(&mut socket, &bytes);
        assert!(took < Duration::from_secs(10), "{took:?}");
    }

    #[test]
    fn what_waits_behind_silence_arrives_in_the_end() {
        let proxy = echo();
        let mut socket = dial(&proxy);
        there_and_back(&mut socket, b"before");
        proxy.silence();
        socket.write_all(b"during").expect("sent");
        let mut late = dial(&proxy);
        late.write_all(b"late").expect("sent");
        let wait = Some(Duration::from_millis(200));
        let mut answer = [0; 6];
        for socket in [&mut socket, &mut late] {
            socket.set_read_timeout(wait).expect("a time-out");
            let error = socket.read(&mut answer).expect_err("nothing comes");
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        }
        assert_eq!(proxy.connections(), 1, "nobody was dialled meanwhile");
        proxy.heal();
        socket.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"during");
        late.read_exact(&mut answer[..4]).expect("an answer");
        assert_eq!(&answer[..4], b"late");
    }

    #[test]
    fn a_cut_resets_what_is_open_and_what_is_new() {
        let proxy = echo();
        let mut socket = dial(&proxy);
        there_and_back(&mut socket, b"before");
        proxy.cut();
        assert!(socket.read(&mut [0; 1]).is_err(), "a reset, not an end");
        let gone = |mut socket: net::TcpStream| {
            let _ = socket.write_all(b"during");
            matches!(socket.read(&mut [0; 1]), Err(_) | Ok(0))
        };
        assert!(net::TcpStream::connect(proxy.address()).map_or(true, gone));
        proxy.heal();
        there_and_back(&mut dial(&proxy), b"after");
    }
}
