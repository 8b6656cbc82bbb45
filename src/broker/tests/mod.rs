//! Tests of the whole core, by noun: packets and time go in, packets and records come out.

mod bench;
mod bridge;
mod bridge_link;
mod connect;
mod counts;
mod hostile;
mod keep_alive;
mod limits;
mod publish;
mod qos;
mod retained;
mod session;
mod shutdown;
mod store_trouble;
mod subscribe;
mod sys;
mod will;
