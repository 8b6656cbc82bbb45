//! A live cable's near end: a listener whose connections are carried to a target, through a
//! [`SharedCable`] that people set faults on.
//!
//! ```text
//! dialer ---> listener [ joint, joint, … ] ---> target
//!                  ^ SharedCable       \---> Observer
//! ```
//!
//! Several near ends may belong to one cable: a broker with two public ports has one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::accept::accept;
use super::door::Door;
use super::joint::{Joint, reset};
use super::shared_cable::SharedCable;
use super::sight::Observer;
use super::tasks::reap;
use crate::broker::Address;
use crate::cable::State;

/// Where a cable leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: who dials is reset.
    Nowhere,
    /// To a broker of this program.
    Inside(Door),
    /// There.
    At(SocketAddr),
    /// To that host, looked up at each dial.
    Host(Address),
}

/// A near end and the task that carries its connections. Dropping it ends them too, a moment later.
#[derive(Debug)]
pub struct LiveCable {
    address: SocketAddr,
    target: watch::Sender<Target>,
    unlisten: watch::Sender<bool>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl LiveCable {
    /// A near end on a free port of loopback, in the current tokio runtime.
    ///
    /// # Errors
    /// When the system gives no port on loopback.
    pub fn start(cable: SharedCable, target: Target, observer: Observer) -> io::Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Self::listen(listener, cable, target, observer)
    }

    /// A new cable to `target` that nobody looks at, and its near end.
    ///
    /// # Errors
    /// When the system gives no port on loopback.
    pub fn unseen(target: SocketAddr) -> io::Result<(SharedCable, Self)> {
        let cable = SharedCable::default();
        let end = Self::start(cable.clone(), Target::At(target), Observer::nobody())?;
        Ok((cable, end))
    }

    /// A near end at a listener that is there already.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn listen(
        listener: StdListener,
        cable: SharedCable,
        target: Target,
        observer: Observer,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (target, target_seen) = watch::channel(target);
        let (stop, stopped) = oneshot::channel();
        let unlisten = watch::Sender::new(false);
        let end = NearEnd { target: target_seen, cable, observer };
        let task = tokio::spawn(end.serve(listener, unlisten.subscribe(), stopped));
        Ok(Self { address, target, unlisten, stop, task })
    }

    /// Where to dial for the far end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads the connections to come elsewhere.
    pub fn set_target(&self, target: Target) {
        self.target.send_replace(target);
    }

    /// Frees its port, which has happened when this returns, and takes no more connections. Those
    /// it carries go on until they end.
    pub async fn unlisten(&self) {
        self.unlisten.send_replace(true);
        self.unlisten.closed().await;
    }

    /// Whether it has anything left to do.
    #[must_use]
    pub fn carries(&self) -> bool {
        !self.task.is_finished()
    }

    /// Ends its connections and frees its port; both have happened when this returns.
    ///
    /// # Panics
    /// When the cable's task did, which is a defect.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// What the task of a near end owns.
struct NearEnd {
    target: watch::Receiver<Target>,
    cable: SharedCable,
    observer: Observer,
}

impl NearEnd {
    async fn serve(
        self,
        listener: TcpListener,
        mut unlisten: watch::Receiver<bool>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut joints = JoinSet::new();
        loop {
            let near = tokio::select! {
                biased;
                _ = &mut stopped => return joints.shutdown().await,
                _ = unlisten.changed() => break,
                Some(ended) = joints.join_next() => {
                    reap(ended);
                    continue;
                }
                near = accept(&listener, "cable") => near,
            };
            self.take(near, &mut joints);
        }
        drop((listener, unlisten));
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                ended = joints.join_next() => match ended {
                    Some(ended) => reap(ended),
                    None => break,
                },
            }
        }
        joints.shutdown().await;
    }

    fn take(&self, near: TcpStream, joints: &mut JoinSet<()>) {
        let marks = self.cable.watch();
        let now = *marks.borrow();
        if now.state == State::Cut {
            return reset(near);
        }
        let joint = Joint {
            number: self.observer.next_line(),
            marks,
            born: now.cuts,
            target: self.target.clone(),
            cable: self.cable.clone(),
            observer: self.observer.clone(),
        };
        joints.spawn(joint.carry(near));
    }
}
