//! Whether there is a display, and what to say where there is none.

use thiserror::Error;

/// Why no window could be opened.
#[derive(Debug, Error)]
pub enum NoWindows {
    /// Nothing names a display.
    #[error(
        "there is no display: neither WAYLAND_DISPLAY nor DISPLAY is set. \
         To run without windows: twinboard run dual-board"
    )]
    NoDisplay,
    /// There is a name, but no windows behind it.
    #[error(
        "the display could not be used: {0}. \
         To run without windows: twinboard run dual-board"
    )]
    Unusable(String),
}

impl NoWindows {
    /// From what the toolkit says, which puts places in its own sources before the reason.
    pub(super) fn from_toolkit(error: &eframe::Error) -> Self {
        let text = error.to_string();
        let reason = match text.rsplit_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")) {
            Some((_, reason)) => reason.to_owned(),
            None => text,
        };
        Self::Unusable(reason)
    }
}

/// Looks whether the session names a display. Other systems than Linux and its kin always have one.
///
/// # Errors
/// [`NoWindows::NoDisplay`], with the command that needs none.
pub fn display_available() -> Result<(), NoWindows> {
    let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let needs_name = cfg!(all(unix, not(target_os = "macos")));
    if needs_name && !named("WAYLAND_DISPLAY") && !named("WAYLAND_SOCKET") && !named("DISPLAY") {
        return Err(NoWindows::NoDisplay);
    }
    Ok(())
}
