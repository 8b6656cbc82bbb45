//! Tests of the whole core, by noun: packets and time go in, packets and records come out.

mod alias;
mod bench;
mod bench5;
mod bridge;
mod bridge_link;
mod connect;
mod hostile;
mod keep_alive;
mod limits;
mod message_expiry;
mod packet_size;
mod properties;
mod publish;
mod qos;
mod reasons;
mod receive_maximum;
mod retained;
mod session;
mod session_expiry;
mod shutdown;
mod store_trouble;
mod subscribe;
mod subscription_id;
mod will;
mod will_delay;
mod words;
