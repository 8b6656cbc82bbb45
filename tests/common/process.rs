//! A broker as a process of its own, in a folder of its own: ours, or mosquitto where a test says so.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a broker may take until it listens.
const LIMIT: Duration = Duration::from_secs(20);

pub struct Process {
    program: PathBuf,
    folder: PathBuf,
    name: String,
    port: u16,
    child: Option<Child>,
}

impl Process {
    /// Writes `conf`, below a listener on `port`, into `folder`. Nothing runs yet.
    pub fn new(program: &str, folder: &Path, name: &str, port: u16, conf: &str) -> Self {
        let location = folder.display();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence_location {location}/\n\
             persistence_file {name}.db\n{conf}\n"
        );
        std::fs::write(folder.join(format!("{name}.conf")), text).expect("a conf file");
        let (program, folder, name) = (program.into(), folder.to_owned(), name.to_owned());
        Self { program, folder, name, port, child: None }
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Starts it, and waits until it listens.
    pub fn start(&mut self) {
        let log = self.folder.join(format!("{}.log", self.name));
        let into = OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let mut command = Command::new(&self.program);
        if self.program == Path::new(env!("CARGO_BIN_EXE_twinboard")) {
            command.arg("broker");
        }
        let conf = self.folder.join(format!("{}.conf", self.name));
        command.arg("-v").arg("-c").arg(conf).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(into).spawn().expect("the broker starts");
        let child = self.child.insert(child);
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = child.try_wait().expect("its state can be asked");
            assert!(
                ended.is_none() && begun.elapsed() < LIMIT,
                "{} does not listen on {}: {ended:?}\n{}",
                self.name,
                self.port,
                std::fs::read_to_string(&log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it: as it asks to be ended, where the system can ask for that, or as `kill -9` does.
    pub fn end(&mut self, politely: bool) {
        let Some(mut child) = self.child.take() else { return };
        if politely && cfg!(unix) {
            let asked = Command::new("kill").arg(child.id().to_string()).status();
            assert!(asked.expect("there is a kill").success(), "it is there to be asked");
            let ended = child.wait().expect("it ends");
            assert!(ended.success(), "{}: {ended}", self.name);
        } else {
            child.kill().and_then(|()| child.wait()).expect("it can be killed");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && let Err(error) = child.kill().and_then(|()| child.wait())
        {
            eprintln!("{} could not be stopped: {error}", self.name);
        }
    }
}

/// A port that nobody has, from below those that systems give to outgoing connections: it stays
/// free while its broker is dead for a moment.
pub fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    loop {
        let port = 12_000 + (RandomState::new().hash_one(0) % 18_000) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
