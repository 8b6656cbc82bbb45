//! The command line. Each command has a file; none has any logic of its own.

mod bench;
mod broker;
mod by_hand;
mod cable;
mod check;
mod keep;
mod leash;
mod log;
mod matrix;
mod open;
mod orders;
mod performance;
mod player;
mod replay;
mod rumqttd;
mod run;
mod showing;
mod signals;
mod sim;
mod sim_windows;
mod terminal;
mod trace;
mod watch;
mod windows;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use time::UtcOffset;
use tracing_subscriber::EnvFilter;

use crate::conf::Choice;

/// A desktop lab for MQTT systems of more than one broker.
///
/// Without a command it opens the windows of a scenario: real brokers, joined by bridges, with
/// boards whose sensors can be clicked, and a Lab window in which everything can be broken.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    windows: windows::Windows,
}

const AFTER_HELP: &str = "\
Examples:
  twinboard                          the windows of the dual-board system
  twinboard counting                 numbers over a bridge: what is missing, what comes twice
  twinboard my-scenario/             the windows of a scenario of your own
  twinboard run dual-board           the same system without windows, its script and verdict
  twinboard check my-scenario/       what its files will do that nobody may want
  twinboard run --engine mosquitto   the same with mosquitto as the boards' brokers
  twinboard run counting --report html --output run.html
  twinboard sim dual-board --tui     the system in simulated time: step, go back, try otherwise
  twinboard watch localhost          what passes a broker that runs, as lines or as a ladder
  twinboard sim --windows            the windows in simulated time: pause, step, go back
  twinboard broker -p 1885           one broker, as `mosquitto -p 1885`
  twinboard bench --load qos2-4-4    how fast it is, beside rumqttd and mosquitto

The log goes to standard error; RUST_LOG=twinboard=debug shows more of it.";

/// The window toolkit warns of much that is none of the user's business.
const QUIET: &str = "warn,winit=error";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a scenario's script without windows, and says which expectations were kept
    Run(run::Run),
    /// Runs a scenario in simulated time, once or with thousands of random schedules
    Sim(Box<sim::Sim>),
    /// Plays a run in simulated time again, from the file or the string that says it
    Replay(Box<replay::Replay>),
    /// Says what conf files and scenarios will do that nobody may want: loops, caps, open ports …
    Check(check::Check),
    /// Shows what passes between clients and running brokers, breaks it, and judges it
    Watch(watch::Watch),
    /// Shows a trace that was written with --trace: as lines, a ladder, passports, for Wireshark
    Trace(trace::Trace),
    /// Runs one broker, with mosquitto's command line
    Broker(broker::Broker),
    /// Puts brokers to the same trials: what each keeps, loses, doubles
    Matrix(matrix::Matrix),
    /// Measures brokers under load, side by side
    Bench(Box<bench::Run>),
    #[command(hide = true)]
    Rumqttd(rumqttd::Rumqttd),
    #[command(hide = true)]
    Leash(leash::Leash),
    #[command(hide = true)]
    Cable(cable::Cable),
}

/// What every command that runs a scenario takes.
#[derive(Debug, Args)]
struct Place {
    /// Keep the state in this folder instead of the user's data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Start with an empty state; the old one is kept aside
    #[arg(long)]
    fresh: bool,
    /// Listen on the ports the conf files name, or on ports that are free now
    #[arg(long, value_enum, default_value_t = Ports::Conf)]
    ports: Ports,
    /// Run another broker than the scenario says, on all boards or on one: native, rumqttd, mosquitto
    /// or remote:HOST:PORT. May be given several times; the last one counts
    #[arg(long, value_name = "[BOARD=]ENGINE")]
    engine: Vec<Choice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ports {
    Conf,
    Auto,
}

/// Runs the program. Exit status: 0 when all went well, 1 when not, 2 for a wrong command line.
#[must_use]
pub fn run() -> ExitCode {
    // The first thing: with more than one thread, the system's answer is not to be trusted.
    let offset = UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(QUIET));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let cli = Cli::parse();
    let done = match cli.command {
        None => windows::windows(&cli.windows, offset),
        Some(Command::Run(run)) => run::run(&run, offset),
        Some(Command::Sim(sim)) => sim::run(&sim, offset),
        Some(Command::Replay(replay)) => replay::run(&replay, offset),
        Some(Command::Check(check)) => Ok(check::check(&check)),
        Some(Command::Watch(watch)) => watch::watch(&watch, offset),
        Some(Command::Trace(trace)) => trace::trace(&trace),
        Some(Command::Broker(broker)) => broker::broker(&broker),
        Some(Command::Matrix(matrix)) => matrix::run(&matrix, offset),
        Some(Command::Bench(bench)) => bench::run(&bench),
        Some(Command::Rumqttd(rumqttd)) => rumqttd::run(&rumqttd),
        Some(Command::Leash(leash)) => leash::run(&leash),
        Some(Command::Cable(cable)) => cable::run(&cable),
    };
    done.unwrap_or_else(|error| {
        eprintln!("twinboard: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
