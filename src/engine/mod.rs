//! Brokers beside ours that this program can run, each as the process it is started as. Knows no
//! scenario and no measuring.

pub mod rumqttd;
