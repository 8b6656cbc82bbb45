//! Brokers of the simulated world: power, disks, and carrying out what a core asks for.

use std::time::Duration;

use super::disk::{Disk, Written};
use super::wires::End;
use super::{Happening, NodeNumber, Sim};
use crate::broker::{Address, BridgeNumber, BridgeOrder, Broker, ConnId, Input, Output, Settings};
use crate::cable::State;
use crate::lab::DiskTrouble;
use crate::lab::name::{BoardName, CableName};

/// How long a clean stop may take for its last commit.
const STOP: Duration = Duration::from_millis(300);

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: BoardName,
    settings: Settings,
    ports: Vec<u16>,
    pub(super) broker: Option<Broker>,
    pub(super) disk: Disk,
    /// Counts its starts: what was on its way from an earlier one concerns nobody.
    start: u64,
    pub(super) wake: Option<Duration>,
    /// What comes to it while it is frozen.
    frozen: Option<Vec<Input>>,
    next_conn: u64,
}

impl Node {
    /// A broker that has no power yet.
    pub(super) fn new(name: BoardName, ports: Vec<u16>, settings: Settings) -> Self {
        Self {
            name,
            settings,
            ports,
            broker: None,
            disk: Disk::default(),
            start: 0,
            wake: None,
            frozen: None,
            next_conn: 0,
        }
    }

    /// What it was told at its start.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether it listens there.
    pub(super) fn listens(&self, address: &Address) -> bool {
        address.is_loopback() && self.ports.contains(&address.port)
    }

    /// The longest packet it reads, in bytes.
    pub(super) fn max_packet_size(&self) -> usize {
        self.settings.limits.max_packet_size
    }

    /// Whether it has not lost its power since that start.
    pub(super) fn still_runs(&self, start: u64) -> bool {
        self.start == start && self.broker.is_some()
    }
}

impl Sim {
    /// Pulls a broker's plug: no goodbye, no flush.
    pub fn power_off(&mut self, node: NodeNumber) {
        let reached = self.weather.reaches_disk();
        let state = &mut self.nodes[node.0];
        (state.broker, state.frozen, state.wake) = (None, None, None);
        state.disk.lose_power(reached);
        for wire in self.wires.of_node(node) {
            let Some(known) = self.wires.get(wire) else { continue };
            let mine = |end: End| matches!(end, End::Node(it, _) if it == node);
            let end = if mine(known.dialer) { known.dialer } else { known.target };
            self.drop_end(wire, end);
        }
    }

    /// Ends a broker cleanly: goodbyes, and everything durable, as far as that is to be had in time.
    pub(super) fn shut_down(&mut self, node: NodeNumber) {
        self.freeze_node(node, false);
        self.input(node, Input::Shutdown);
        let until = self.now + STOP;
        while self.nodes[node.0].disk.is_busy() && self.step_until(until) {}
        self.power_off(node);
    }

    /// Freezes a broker or lets it go on.
    pub(super) fn freeze_node(&mut self, node: NodeNumber, frozen: bool) {
        let state = &mut self.nodes[node.0];
        if frozen {
            state.frozen.get_or_insert_default();
            return;
        }
        for input in state.frozen.take().unwrap_or_default() {
            self.input(node, input);
        }
        self.input(node, Input::Time);
    }

    /// Lets a broker's disk fail, or work again.
    pub(super) fn set_disk(&mut self, node: NodeNumber, trouble: Option<DiskTrouble>) {
        self.nodes[node.0].disk.set(trouble);
    }

    /// Puts an empty disk into a broker without power.
    pub(super) fn empty_disk(&mut self, node: NodeNumber) {
        let trouble = self.nodes[node.0].disk.trouble();
        self.nodes[node.0].disk = Disk::default();
        self.nodes[node.0].disk.set(trouble);
    }

    /// Pulls a broker's plug and puts an empty disk in.
    pub fn replace_disk(&mut self, node: NodeNumber) {
        self.power_off(node);
        self.empty_disk(node);
    }

    /// Gives a broker power, `after` some time.
    pub fn power_on_after(&mut self, node: NodeNumber, after: Duration) {
        self.later(after, Happening::PowerOn(node));
    }

    pub(super) fn power_on(&mut self, node: NodeNumber) {
        let now = self.now;
        let state = &mut self.nodes[node.0];
        if state.broker.is_some() {
            return;
        }
        state.start += 1;
        let seed = state.start ^ self.weather.seed();
        let image = state.disk.open();
        state.broker = Some(Broker::new(now, state.settings.clone(), &image, seed));
        self.settle(node, Vec::new());
    }

    /// Gives a bridge an order.
    pub fn order(&mut self, node: NodeNumber, bridge: usize, order: BridgeOrder) {
        self.input(node, Input::Bridge { bridge: BridgeNumber(bridge), order });
    }

    pub(super) fn dial(&mut self, node: NodeNumber, bridge: BridgeNumber, address: &Address) {
        let far = self.nodes.iter().position(|it| it.listens(address)).map(NodeNumber);
        let cable = CableName::new(&self.nodes[node.0].settings.bridges[bridge.0].name);
        let cut = self.wires.cable(&cable).state() == State::Cut;
        let reachable = far.filter(|far| !cut && self.nodes[far.0].broker.is_some());
        let Some(far) = reachable else {
            let reason = format!("connection refused at {address}");
            return self.input(node, Input::DialFailed { bridge, reason });
        };
        let (near_conn, far_conn) = (self.new_conn(node), self.new_conn(far));
        self.add_wire(&cable, End::Node(node, near_conn), End::Node(far, far_conn));
        self.input(node, Input::Dialed { bridge, conn: near_conn });
    }

    pub(super) fn committed(&mut self, node: NodeNumber, start: u64) {
        let state = &mut self.nodes[node.0];
        if state.start != start {
            return;
        }
        match state.disk.finish() {
            Some(Written::Durable { number }) => self.input(node, Input::Committed { number }),
            Some(Written::Failed { again_after }) => {
                self.later(again_after, Happening::Committed { node, start });
                let reason = "the disk is full".to_owned();
                self.input(node, Input::StoreFails { reason });
            }
            None => {}
        }
    }

    pub(super) fn input(&mut self, node: NodeNumber, input: Input) {
        let now = self.now;
        let state = &mut self.nodes[node.0];
        if let Some(waiting) = &mut state.frozen {
            waiting.push(input);
        } else if let Some(broker) = &mut state.broker {
            let mut outputs = Vec::new();
            broker.handle(now, input, &mut outputs);
            self.settle(node, outputs);
        }
    }

    /// Carries out what a core asked for.
    pub(super) fn settle(&mut self, node: NodeNumber, outputs: Vec<Output>) {
        let start = self.nodes[node.0].start;
        for output in outputs {
            match output {
                Output::Send { conn, packet } => self.send(End::Node(node, conn), &packet),
                Output::Close { conn, .. } => self.close(End::Node(node, conn)),
                Output::Dial { bridge, address, .. } => {
                    let dialed = Happening::Dialed { node, start, bridge, address };
                    let latency = self.weather.latency();
                    self.later(latency, dialed);
                }
                Output::Event(event) => {
                    self.note_event(node, &event);
                    self.events.push((self.now, node, event));
                }
            }
        }
        let now = self.now;
        let state = &mut self.nodes[node.0];
        let Some(broker) = &mut state.broker else { return };
        let deadline = broker.deadline();
        if !state.disk.is_busy()
            && let Some(commit) = broker.take_commit()
        {
            state.disk.begin(commit);
            let takes = self.weather.commit() + self.nodes[node.0].disk.longer();
            self.later(takes, Happening::Committed { node, start });
        }
        let state = &mut self.nodes[node.0];
        if let Some(at) = deadline
            && state.wake.is_none_or(|wake| at < wake)
        {
            state.wake = Some(at);
            self.later(at.saturating_sub(now), Happening::Wake { node, start });
        }
    }

    pub(super) fn new_conn(&mut self, node: NodeNumber) -> ConnId {
        let state = &mut self.nodes[node.0];
        state.next_conn += 1;
        ConnId(state.next_conn)
    }
}
