//! SIGINT and SIGTERM, as something one can wait for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Builder;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// The requests to end that this process gets, from here on: none ends it by itself any more.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(windows)]
    interrupt: CtrlC,
}

impl Signals {
    /// Takes them, in the current tokio runtime. Take them before anybody outside can see the
    /// process at work, or a request that comes early ends it without a clean stop.
    ///
    /// # Errors
    /// When the system takes no handler.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(windows)]
            interrupt: ctrl_c()?,
        })
    }

    /// Waits until the process is asked to end.
    pub async fn asked_to_stop(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(windows)]
        self.interrupt.recv().await;
    }
}

/// Calls `stop` once, when the process is asked to end.
///
/// # Errors
/// When the system gives no thread or takes no handler.
pub fn on_stop(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _within = runtime.enter();
        Signals::take()?
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(signals.asked_to_stop());
        stop();
    })?;
    Ok(())
}

/// Set once the process is asked to end.
///
/// # Errors
/// As [`on_stop`].
pub fn stopped() -> io::Result<Arc<AtomicBool>> {
    let stopped = Arc::<AtomicBool>::default();
    let flag = Arc::clone(&stopped);
    on_stop(move || flag.store(true, Ordering::Relaxed))?;
    Ok(stopped)
}
