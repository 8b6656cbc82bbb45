//! A clean stop.

use super::bench::*;

#[test]
fn everybody_is_hung_up_and_nothing_is_forgotten() {
    let mut bench =
        Bench::with(|it| it.bridges = vec![bridge(&[("#", Direction::Out, Q2, "", "")])]);
    let link = bench.link(false);
    bench.link_sent(link);
    let (a, b) = (bench.connect("a", false), bench.connect("b", true));
    bench.subscribe(a, "t", Q2);
    bench.publish(b, publish("t", "x", Q2, 1));
    bench.sent(link);
    bench.input(Input::Shutdown);
    for conn in [a, b, link] {
        bench.expect_closed(conn, "stop");
    }
    // The far side is told politely.
    let state = retain(publish("$SYS/broker/connection/host.link/state", "0", Q0, 0));
    bench.expect(link, [state, goodbye()]);
    assert_eq!(bench.image.sessions.len(), 2);
    bench.pull_plug(|_| {});
    let a = bench.ask(connect("a", false));
    let again = again(publish("t", "x", Q2, 1));
    bench.expect(a, [connack(true, Reason::Success), again]);
}
