//! `host[:port]`, as a bridge's `address` has it.

use super::line::{Wrong, in_range, wrong};
use crate::broker::Address;

/// The port where none is given.
const DEFAULT_PORT: u16 = 1883;

/// Reads an address as a bridge has it, from elsewhere than a file.
///
/// # Errors
/// In words, what is wrong with it.
pub fn address(text: &str) -> Result<Address, String> {
    parse(text).map_err(|wrong| match wrong.help {
        Some(help) => format!("{}; {help}", wrong.what),
        None => wrong.what,
    })
}

/// Reads `host`, `host:port`, `[ipv6]`, `[ipv6]:port` and mosquitto's own `ipv6:port`.
pub(super) fn parse(text: &str) -> Result<Address, Wrong> {
    let (host, port) = split(text)?;
    if host.is_empty() {
        return Err(wrong(format!("`{text}` names no host")));
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(digits) => {
            let number = in_range("port", digits, &(1..=i64::from(u16::MAX)))?;
            u16::try_from(number).map_err(|_| wrong(format!("`{digits}` is no port")))?
        }
    };
    Ok(Address { host: host.to_owned(), port })
}

fn split(text: &str) -> Result<(&str, Option<&str>), Wrong> {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((host, after)) = rest.split_once(']') else {
            return Err(wrong(format!("`{text}` has no closing bracket")));
        };
        return match (after, after.strip_prefix(':')) {
            ("", _) => Ok((host, None)),
            (_, Some(port)) => Ok((host, Some(port))),
            _ => Err(wrong(format!("after the bracket of `{text}` only :port can follow"))),
        };
    }
    match text.rsplit_once(':') {
        None => Ok((text, None)),
        // `::1` and `fe80::2` would lose their end: mosquitto takes what follows the last colon
        // for the port.
        Some((host, _)) if host.ends_with(':') => Err(wrong(format!("`{text}` has no port"))
            .help("write an IPv6 address in brackets: `[::1]:1883`")),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, host: &str, port: u16| {
            let address = parse(text).expect("an address");
            assert_eq!((address.host.as_str(), address.port), (host, port), "{text}");
        };
        check("localhost", "localhost", 1883);
        check("localhost:1884", "localhost", 1884);
        check("127.0.0.1:1", "127.0.0.1", 1);
        check("[::1]", "::1", 1883);
        check("[fe80::2]:1885", "fe80::2", 1885);
        check("::1:1885", "::1", 1885);
    }

    #[test]
    fn what_is_no_address() {
        let check = |text: &str, expected: &str| {
            let wrong = parse(text).expect_err("no address").what;
            assert!(wrong.contains(expected), "{text}: {wrong}");
        };
        check("a:", "takes a number, not ``");
        check("a:0", "from 1 to 65535, not 0");
        check("a:65536", "from 1 to 65535, not 65536");
        check("a:b", "takes a number, not `b`");
        check(":1883", "names no host");
        check("::1", "has no port");
        check("[::1", "no closing bracket");
        check("[::1]1883", "only :port can follow");
    }
}
