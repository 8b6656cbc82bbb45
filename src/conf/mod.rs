//! What people write: boards' `mosquitto.conf` files and a scenario's `scenario.toml`, parsed into
//! typed values.
//!
//! ```text
//! builtin, a folder on disk ---> Folder ---> scenario::Scenario     (scenario.toml)
//!                                       +--> mosquitto::Config      (one for each board)
//!                                       +--> ConfError              (file, line, text, what to do)
//! ```
//!
//! Pure but for the thin functions that read a file. It knows the broker's settings and MQTT's
//! nouns, and must not know who uses them: the names of boards, programs and bridges are plain
//! strings here.

pub mod builtin;
pub mod engine;
pub mod error;
pub mod folder;
pub mod mosquitto;
mod nearest;
pub mod scenario;

pub use engine::{Choice, Engine};
pub use error::{ConfError, Mistake, Sort};
pub use folder::{ConfText, Folder, Opened, Survey};
pub use scenario::Scenario;
