//! The terminal that standard output goes to, where it goes to one.

/// How many letters a line of it has; none where nobody knows, and in a file.
#[must_use]
pub fn width() -> Option<usize> {
    #[cfg(unix)]
    {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        // Some terminals do not know.
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    }
    #[cfg(not(unix))]
    None
}
