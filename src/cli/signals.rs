//! SIGINT and SIGTERM, as something one can wait for.

use tokio::runtime::Builder;

/// Calls `stop` once, when the process is asked to end.
///
/// # Errors
/// When the system gives no thread or takes no handler.
pub fn on_stop(stop: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if runtime.block_on(asked_to_stop()).is_ok() {
            stop();
        }
    })?;
    Ok(())
}

/// Waits until the process is asked to end.
///
/// # Errors
/// When the system takes no handler.
pub async fn asked_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = tokio::signal::ctrl_c() => ended,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
