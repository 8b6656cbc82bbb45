//! A live cable: a port on loopback that stands for a target, with a pure [`Cable`] in between that
//! people cut and mend.
//!
//! ```text
//! dialer ---> 127.0.0.1:port [ joint, joint, … ] ---> target
//!                   ^ Cable: whole, cut, silent
//! ```

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::accept::accept;
use super::joint::{carry, reset};
use super::tasks::reap;
use crate::cable::{Cable, State};

/// A cable and the task that carries its connections. Dropping it ends them too, a moment later.
#[derive(Debug)]
pub struct LiveCable {
    address: SocketAddr,
    target: watch::Sender<SocketAddr>,
    cable: watch::Sender<Cable>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl LiveCable {
    /// A whole cable to `target`, in the current tokio runtime.
    ///
    /// # Errors
    /// When the system gives no port on loopback.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (target, target_seen) = watch::channel(target);
        let (cable, cable_seen) = watch::channel(Cable::default());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, target_seen, cable_seen, stopped));
        Ok(Self { address, target, cable, stop, task })
    }

    /// Where to dial for the far end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads the connections to come elsewhere.
    pub fn set_target(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }

    /// The state it is in.
    #[must_use]
    pub fn state(&self) -> State {
        self.cable.borrow().state()
    }

    /// Follows what happens to it.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Cable> {
        self.cable.subscribe()
    }

    /// Resets every connection at both ends, and each new one as soon as it is accepted.
    pub fn cut(&self) {
        self.cable.send_modify(Cable::cut);
    }

    /// Lets nothing pass, goodbyes and resets included, and tells nobody. New connections hang.
    pub fn cut_silently(&self) {
        self.cable.send_modify(Cable::cut_silently);
    }

    /// Makes it whole: what was held flows on.
    pub fn mend(&self) {
        self.cable.send_modify(Cable::mend);
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

/// The cable's task.
async fn serve(
    listener: TcpListener,
    target: watch::Receiver<SocketAddr>,
    cable: watch::Receiver<Cable>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut joints = JoinSet::new();
    loop {
        let near = tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(ended) = joints.join_next() => {
                reap(ended);
                continue;
            }
            near = accept(&listener, "cable") => near,
        };
        take(near, &target, &cable, &mut joints);
    }
    drop(listener);
    joints.shutdown().await;
}

fn take(
    near: TcpStream,
    target: &watch::Receiver<SocketAddr>,
    cable: &watch::Receiver<Cable>,
    joints: &mut JoinSet<()>,
) {
    let now = *cable.borrow();
    if now.state() == State::Cut {
        reset(near);
    } else {
        joints.spawn(carry(near, target.clone(), cable.clone(), now.cuts()));
    }
}
