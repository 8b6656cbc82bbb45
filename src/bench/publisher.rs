//! One that publishes as fast as window and lag allow. Pure: packets in, bytes out.

use super::frame::{Frame, Kind};
use super::packet::{Letter, Template, acknowledge};
use super::trouble::Trouble;

/// How many messages of QoS 0 are written before anything else has its turn.
const BURST: u64 = 400;
/// A prime, so that it comes by every topic of any number of them that it does not divide.
const STRIDE: u64 = 7919;

/// A publisher's side of its messages.
#[derive(Debug)]
pub struct Publisher {
    template: Template,
    qos: u8,
    /// Packet ids that are not in use; as many as the window has.
    free: Vec<u16>,
    window: usize,
    sent: u64,
    /// What is not waited for any more: it was lost on the way.
    forgiven: u64,
    /// How many numbered topics take turns; each message has its own where there is none.
    among: Option<u64>,
}

impl Publisher {
    /// One that has sent nothing.
    pub fn new(letter: &Letter<'_>, window: u16) -> Self {
        Self::of(Template::new(letter), letter.qos, window)
    }

    /// One whose every message has a topic of its own.
    pub fn numbered(letter: &Letter<'_>, window: u16) -> Self {
        Self::of(Template::numbered(letter), letter.qos, window)
    }

    fn of(template: Template, qos: u8, window: u16) -> Self {
        let window = window.max(1);
        let free = (1..=window).rev().collect();
        Self { template, qos, free, window: window.into(), sent: 0, forgiven: 0, among: None }
    }

    /// The same, with the messages below `first` behind it.
    #[must_use]
    pub fn from(self, first: u64) -> Self {
        Self { sent: first, ..self }
    }

    /// The same, but so many numbered topics take turns, in an order that jumps about.
    #[must_use]
    pub fn among(self, topics: u64) -> Self {
        Self { among: Some(topics), ..self }
    }

    /// The number that the next message carries.
    #[inline]
    fn number(&self) -> u64 {
        self.among.map_or(self.sent, |topics| self.sent.wrapping_mul(STRIDE) % topics)
    }

    /// Messages that it has sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Messages that the broker has taken over, as far as it says so.
    pub fn taken(&self) -> u64 {
        self.sent - (self.window - self.free.len()) as u64
    }

    /// Whether the broker has taken over all of them, as far as it says so.
    pub fn settled(&self) -> bool {
        self.qos == 0 || self.free.len() == self.window
    }

    /// No longer waits for what has not come.
    pub fn forgive(&mut self) {
        self.forgiven = self.sent;
    }

    /// Writes what may be sent when subscribers have got to `reached`, and none beyond `end`. Gives
    /// back whether more could be written at once.
    pub fn fill(&mut self, out: &mut Vec<u8>, reached: u64, lag: u64, end: u64) -> bool {
        let end = end.min(reached.max(self.forgiven).saturating_add(lag));
        if self.qos == 0 {
            let until = end.min(self.sent + BURST);
            while self.sent < until {
                self.template.write(out, 0, self.number());
                self.sent += 1;
            }
            return self.sent < end;
        }
        while self.sent < end {
            let Some(id) = self.free.pop() else { break };
            self.template.write(out, id, self.number());
            self.sent += 1;
        }
        false
    }

    /// Takes an acknowledgement, and answers it.
    pub fn hear(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
        match frame.kind() {
            Kind::PubAck | Kind::PubComp => self.free.push(frame.id()?),
            Kind::PubRec => acknowledge(out, Kind::PubRel, frame.id()?),
            _ => return Ok(()),
        }
        if frame.reason() >= 0x80 {
            return Err(Trouble::MessageRefused(frame.reason()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Protocol;
    use super::*;

    fn publisher(qos: u8) -> Publisher {
        let letter = Letter {
            protocol: Protocol::V311,
            topic: "a",
            qos,
            retain: false,
            payload_bytes: 10,
            publisher: 0,
        };
        Publisher::new(&letter, 3)
    }

    fn hear(publisher: &mut Publisher, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let frame = Frame::split(bytes).expect("a packet").expect("a whole one");
        publisher.hear(&frame, &mut out).expect("nothing is refused");
        out
    }

    #[test]
    fn the_window_holds_it_back() {
        for (qos, answers) in
            [(1, vec![[0x40, 2, 0, 1]]), (2, vec![[0x50, 2, 0, 1], [0x70, 2, 0, 1]])]
        {
            let mut publisher = publisher(qos);
            publisher.fill(&mut Vec::new(), 0, 100, u64::MAX);
            assert_eq!((publisher.sent(), publisher.settled()), (3, false));
            publisher.fill(&mut Vec::new(), 0, 100, u64::MAX);
            assert_eq!(publisher.sent(), 3);
            for answer in answers {
                let said = hear(&mut publisher, &answer);
                assert_eq!(said.is_empty(), answer[0] != 0x50);
            }
            publisher.fill(&mut Vec::new(), 0, 100, u64::MAX);
            assert_eq!(publisher.sent(), 4);
        }
    }

    #[test]
    fn the_slowest_subscriber_holds_it_back() {
        let mut publisher = publisher(0);
        assert!(publisher.fill(&mut Vec::new(), 0, 1000, u64::MAX));
        while publisher.fill(&mut Vec::new(), 0, 1000, u64::MAX) {}
        assert_eq!(publisher.sent(), 1000);
        publisher.fill(&mut Vec::new(), 10, 1000, u64::MAX);
        assert_eq!(publisher.sent(), 1010);
        publisher.forgive();
        publisher.fill(&mut Vec::new(), 10, 1000, 1100);
        assert_eq!(publisher.sent(), 1100);
    }

    #[test]
    fn a_refusal_is_told() {
        let frame = Frame { first: 0x40, body: &[0, 1, 0x97], length: 5 };
        let refused = publisher(1).hear(&frame, &mut Vec::new());
        assert!(matches!(refused, Err(Trouble::MessageRefused(0x97))));
    }
}
