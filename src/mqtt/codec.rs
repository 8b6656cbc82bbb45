//! Packets from and to bytes.
