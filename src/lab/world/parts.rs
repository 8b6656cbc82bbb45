//! What the parts of a world can do. Each world says how: the live one with sockets and threads, the
//! simulated one in virtual time. Which commands there are, and what must hold for each, is said once,
//! by [`commands`](super::commands).

use std::path::Path;

use crate::broker::BridgeOrder;
use crate::cable::Deed;
use crate::card::{Input, Link};
use crate::lab::DiskTrouble;
use crate::lab::name::CableName;
use crate::lab::plan::{Plan, Seat};
use crate::lab::snapshot::Run;
use crate::lab::trace::Event;
use crate::mqtt::Message;

/// A world's boards by their places in the plan, its programs by their seats.
///
/// In the simulated world none of these waits: time passes within them.
pub(super) trait Parts {
    /// What it runs.
    fn plan(&self) -> &Plan;
    /// Writes down what happens now.
    fn record(&mut self, event: Event);

    /// Whether a board has power.
    fn has_power(&self, board: usize) -> bool;
    /// Gives a board power or takes it; nothing starts or ends by that alone.
    fn set_power(&mut self, board: usize, on: bool);

    /// Whether a broker runs.
    fn broker_run(&self, board: usize) -> &Run;
    /// Starts a broker. Why it does not run shows in its `Run`.
    async fn start_broker(&mut self, board: usize);
    /// Ends a broker, politely or not.
    async fn end_broker(&mut self, board: usize, politely: bool);
    /// Freezes a broker or lets it go on.
    async fn freeze_broker(&mut self, board: usize, frozen: bool) -> Result<(), String>;
    /// Gives an order to a bridge of a broker that runs.
    fn order(&mut self, board: usize, bridge: usize, order: BridgeOrder) -> Result<(), String>;

    /// Whether a program runs.
    fn program_run(&self, seat: Seat) -> &Run;
    /// Whether a program is connected.
    fn link(&self, seat: Seat) -> Link;
    /// Starts a program.
    fn start_program(&mut self, seat: Seat);
    /// Ends a program, politely or not.
    async fn end_program(&mut self, seat: Seat, politely: bool);
    /// Freezes a program or lets it go on.
    fn freeze_program(&mut self, seat: Seat, frozen: bool);
    /// Gives a program that runs an input.
    fn tell(&mut self, seat: Seat, input: Input) -> Result<(), String>;
    /// Publishes by the connection of a program that runs.
    fn say(&mut self, seat: Seat, message: Message) -> Result<(), String>;

    /// Whether there is such a cable.
    fn has_cable(&self, name: &CableName) -> bool;
    /// Does something to a cable.
    fn apply(&mut self, name: &CableName, deed: Deed);
    /// Mends a board's own cables.
    fn mend_cables(&mut self, board: usize);
    /// Lets a board's disk fail, or work again.
    fn set_disk(&mut self, board: usize, trouble: Option<DiskTrouble>);

    /// The cables of connections that live although a packet was dropped on them.
    fn stalled(&self) -> Vec<CableName>;
    /// Gives the last word on everything so far.
    async fn judge(&mut self);
    /// While nothing runs, keeps the state aside and lets everything begin with none; in words, what
    /// became of it.
    fn set_aside(&mut self) -> Result<String, String>;
    /// While nothing runs, puts a state that was kept aside back.
    fn put_back(&mut self, aside: &Path) -> Result<String, String>;
}
