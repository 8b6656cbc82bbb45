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
        Self::Unusable(reason(&error.to_string()).to_owned())
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

/// What comes after "os error at <file>.rs:<line>: ", or all of it.
fn reason(text: &str) -> &str {
    let after_place = text.rsplit_once(".rs:").and_then(|(_, rest)| rest.split_once(": "));
    after_place.map_or(text, |(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_without_places_in_sources() {
        let check = |text: &str, expected: &str| assert_eq!(reason(text), expected);
        check("winit EventLoopError: os error at /a/b.rs:788: no X server", "no X server");
        check("glutin error: no config: none found", "glutin error: no config: none found");
        check("at /a/b.rs:788", "at /a/b.rs:788");
    }

    #[test]
    fn the_command_without_windows_is_named() {
        for error in [NoWindows::NoDisplay, NoWindows::Unusable(String::from("why"))] {
            assert!(error.to_string().ends_with("twinboard run dual-board"), "{error}");
        }
    }
}
