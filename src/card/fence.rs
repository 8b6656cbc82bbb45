//! The fence: a message to oneself that says when everything the broker kept has come.
//!
//! ```text
//! SUBSCRIBE -> SUBACK -> PUBLISH fence -> … queued messages, retained messages, fence
//! ```
//! Nothing in MQTT 3.1.1 says when the retained messages are all delivered. But a broker that
//! answered SUBSCRIBE has queued them [MQTT-3.8.4-3], and what is published after that comes
//! after them [MQTT-4.6.0-6]. Fences of earlier connections may still be queued in the session,
//! so each carries a text of its own.

use bytes::Bytes;

use super::Token;
use crate::mqtt::Topic;

/// Above this, tokens are those of fences: no click waits for them.
const TOKENS: u64 = 1 << 63;

/// The fence of one client.
#[derive(Debug, Clone)]
pub struct Fence {
    topic: Topic,
    seed: u64,
    /// Counts this process's connections.
    connection: u64,
    /// Whether the fence of the present connection came back.
    back: bool,
}

impl Fence {
    /// The fence of the client `client_id`; `seed` differs from process to process.
    ///
    /// # Panics
    /// When `client_id` has a wildcard or a null character, which no program's has.
    #[must_use]
    pub fn new(client_id: &str, seed: u64) -> Self {
        let topic = Topic::parse(&format!("twinboard/fence/{client_id}"))
            .expect("a client id of ours is a topic level");
        Self { topic, seed, connection: 0, back: false }
    }

    /// A new connection, or none: what was fenced before says nothing any more.
    pub fn reset(&mut self) {
        self.connection += 1;
        self.back = false;
    }

    /// The topic that only this client uses.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The text of the present connection's fence.
    #[must_use]
    pub fn text(&self) -> Bytes {
        format!("{:016x}-{}", self.seed, self.connection).into()
    }

    /// The token its publication goes by.
    #[must_use]
    pub fn token(&self) -> Token {
        Token(TOKENS | self.connection)
    }

    /// Whether a token is that of a fence.
    #[must_use]
    pub fn is_token(token: Token) -> bool {
        token.0 & TOKENS != 0
    }

    /// A message came on the fence's topic. Answers whether everything kept has come by it: true
    /// once a connection.
    pub fn came(&mut self, text: &[u8]) -> bool {
        let first = !self.back && text == self.text();
        self.back |= first;
        first
    }

    /// Whether everything that the broker kept has come on the present connection.
    #[must_use]
    pub fn is_back(&self) -> bool {
        self.back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_present_connections_fence_counts_and_once() {
        let mut earlier = Fence::new("card1_monitor", 1);
        earlier.reset();
        let mut fence = Fence::new("card1_monitor", 2);
        fence.reset();
        let first = fence.text();
        fence.reset();
        for stale in [&earlier.text()[..], &first, b"", b"x"] {
            assert!(!fence.came(stale), "{stale:?}");
        }
        assert!(!fence.is_back());
        let text = fence.text();
        assert!(fence.came(&text));
        assert!(!fence.came(&text));
        assert!(fence.is_back());
        fence.reset();
        assert!(!fence.is_back());
    }

    #[test]
    fn fences_have_tokens_of_their_own() {
        let mut fence = Fence::new("card1_monitor", 1);
        fence.reset();
        assert!(Fence::is_token(fence.token()));
        assert!(!Fence::is_token(Token(u64::from(u32::MAX))));
    }
}
