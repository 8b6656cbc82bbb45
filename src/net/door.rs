//! The way to a broker of this program that is no port.

use super::inbox::{Heard, Inbox};
use super::pipe::Pipe;
use super::wire::Wire;

/// Leads to one run of a broker, for as long as that runs. Copies lead to the same.
#[derive(Debug, Clone)]
pub struct Door(pub(super) Inbox);

impl Door {
    /// Connects.
    ///
    /// # Errors
    /// In words, when the broker has ended.
    pub(super) async fn enter(&self) -> Result<Pipe, String> {
        let (near, far) = Pipe::pair();
        let told = self.0.tell(Heard::Accepted { wire: Wire::Pipe(far) }).await;
        if told { Ok(near) } else { Err("there is nobody".to_owned()) }
    }
}

impl PartialEq for Door {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl Eq for Door {}
