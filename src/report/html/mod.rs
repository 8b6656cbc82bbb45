//! A report as one HTML file that needs nothing beside it: light and dark, for screens and paper.
//! Pictures are drawn as SVG in it; no script, no font, no address.

mod chart;
mod ladder;
mod svg;
mod timeline;
mod topology;

#[cfg(test)]
mod tests;

use std::fmt::Write;

use time::UtcOffset;

use super::Report;
use super::detail::Detail;
use super::escape::escape;
use super::line::day;
use super::verdict::{VerdictReport, as_expected};

const STYLE: &str = include_str!("style.css");

/// The whole file. Times of day are local ones.
#[must_use]
pub fn page(report: &Report, offset: UtcOffset) -> String {
    let mut page = Page::default();
    let title = report.detail.as_ref().map_or(report.scenario.as_str(), |it| it.title.as_str());
    let verdict = if report.passed { "passed" } else { "failed" };
    page.put(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}: {verdict}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        title = escape(title),
    ));
    page.head(report, title, offset);
    page.breaches(&report.verdict);
    page.expectations(report);
    if let Some(detail) = &report.detail {
        page.section("The system");
        page.figure(&topology::svg(&detail.topology));
        page.time_line(report, detail);
        page.timings(detail);
    }
    page.steps(report);
    page.notes(report);
    page.put(format_args!(
        "<footer>Twinboard {}</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    ));
    page.text
}

/// A file that grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn put(&mut self, what: std::fmt::Arguments<'_>) {
        self.text.write_fmt(what).expect("a string takes all");
    }

    fn section(&mut self, title: &str) {
        self.put(format_args!("<h2>{}</h2>\n", escape(title)));
    }

    fn figure(&mut self, svg: &str) {
        self.put(format_args!("<figure>{svg}</figure>\n"));
    }

    fn head(&mut self, report: &Report, title: &str, offset: UtcOffset) {
        let verdict = if report.passed { "passed" } else { "failed" };
        let when = report.detail.as_ref().map(|it| format!(" · {}", day(it.began_s, offset)));
        self.put(format_args!(
            "<header>\n<h1>{} <span class=\"badge {verdict}\">{}</span></h1>\n\
             <p class=\"quiet\">{}{} · {:.1} s</p>\n</header>\n",
            escape(title),
            verdict.to_uppercase(),
            escape(&report.scenario),
            escape(&when.unwrap_or_default()),
            report.seconds,
        ));
        let counts = &report.verdict.counts;
        let bad = [
            (counts.lost, "lost"),
            (counts.doubled, "doubled"),
            (counts.reordered, "reordered"),
            (counts.forgot, "sessions forgotten"),
            (counts.looped, "went round"),
        ];
        let other = [
            (counts.waiting, "waiting"),
            (counts.over_limit, "over a limit"),
            (counts.repeats, "repeats of QoS 1"),
            (counts.refreshed, "retained, refreshed"),
            (counts.lost_on_the_way, "QoS 0 lost on the way"),
        ];
        self.put(format_args!("<ul class=\"tiles\">\n"));
        let good = [
            (counts.published, "published"),
            (counts.bridged, "bridged"),
            (counts.delivered, "delivered"),
        ];
        for (count, name) in good {
            self.tile(count, name, "");
        }
        for (count, name) in bad {
            self.tile(count, name, if count > 0 { "bad" } else { "good" });
        }
        for (count, name) in other.into_iter().filter(|(count, _)| *count > 0) {
            self.tile(count, name, "");
        }
        self.put(format_args!("</ul>\n"));
    }

    fn tile(&mut self, count: u64, name: &str, class: &str) {
        self.put(format_args!("<li class=\"{class}\"><b>{count}</b> {name}</li>\n"));
    }

    fn breaches(&mut self, verdict: &VerdictReport) {
        if verdict.breaches.is_empty() {
            return;
        }
        self.section("What was promised and not kept");
        for breach in &verdict.breaches {
            self.put(format_args!(
                "<article>\n<h3><span class=\"kind\">{}{}</span> {}</h3>\n",
                breach.kind.name(),
                as_expected(breach.expected),
                escape(&breach.what)
            ));
            if !breach.ladder.rows.is_empty() {
                self.figure(&ladder::svg(&breach.ladder));
            }
            self.put(format_args!("</article>\n"));
        }
        if let Some(untold) = verdict.untold() {
            self.put(format_args!("<p class=\"quiet\">{}.</p>\n", escape(&untold)));
        }
    }

    fn expectations(&mut self, report: &Report) {
        self.section("What was expected");
        self.put(format_args!("<table>\n<tbody>\n"));
        for it in &report.expectations {
            self.verdict_row(it.kept, &it.what, it.why.as_deref());
        }
        let verdict = &report.verdict;
        let (count, expected) = (verdict.breaches.len(), as_expected(verdict.as_expected));
        let why = (!verdict.kept).then(|| format!("{count} told above{expected}"));
        self.verdict_row(verdict.kept, "every promise that QoS and sessions make", why.as_deref());
        self.put(format_args!("</tbody>\n</table>\n"));
    }

    fn verdict_row(&mut self, kept: bool, what: &str, why: Option<&str>) {
        let (class, word) = if kept { ("good", "kept") } else { ("bad", "broken") };
        let why = why.map(|why| format!("<br><span class=\"quiet\">{}</span>", escape(why)));
        self.put(format_args!(
            "<tr><td class=\"word {class}\">{word}</td><td>{}{}</td></tr>\n",
            escape(what),
            why.unwrap_or_default()
        ));
    }

    fn time_line(&mut self, report: &Report, detail: &Detail) {
        self.section("What happened when");
        self.figure(&timeline::svg(report, detail));
        if detail.timeline.is_empty() {
            self.put(format_args!("<p class=\"quiet\">Nothing was broken.</p>\n"));
            return;
        }
        self.put(format_args!("<table class=\"marks\">\n<tbody>\n"));
        for mark in detail.timeline.iter().take(timeline::LISTED) {
            self.put(format_args!(
                "<tr><td class=\"number\">{:.2} s</td><td>{}</td><td>{}</td></tr>\n",
                mark.at_seconds,
                escape(&mark.who),
                escape(&mark.what)
            ));
        }
        self.put(format_args!("</tbody>\n</table>\n"));
        let listed = detail.timeline.len().min(timeline::LISTED);
        let more = detail.left_out + (detail.timeline.len() - listed) as u64;
        if more > 0 {
            self.put(format_args!("<p class=\"quiet\">… and {more} more.</p>\n"));
        }
    }

    fn timings(&mut self, detail: &Detail) {
        if detail.ways.is_empty() {
            return;
        }
        self.section("How long deliveries took");
        self.put(format_args!(
            "<p class=\"quiet\">From the publisher's PUBLISH at its broker to the PUBLISH that \
             arrived, what waited for a cut cable included.</p>\n<div class=\"wide\">\n<table>\n<thead><tr><th>entered at</th>\
             <th>delivered by</th><th>to</th><th class=\"number\">messages</th>\
             <th class=\"number\">median</th><th class=\"number\">99 %</th>\
             <th class=\"number\">longest</th></tr></thead>\n<tbody>\n"
        ));
        for way in &detail.ways {
            self.put(format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td></tr>\n",
                escape(&way.from),
                escape(&way.by),
                escape(&way.to),
                way.count,
                chart::time(way.median_ms),
                chart::time(way.p99_ms),
                chart::time(way.longest_ms),
            ));
        }
        self.put(format_args!("</tbody>\n</table>\n</div>\n"));
        self.figure(&chart::svg(&detail.times));
    }

    fn steps(&mut self, report: &Report) {
        if report.steps.is_empty() {
            return;
        }
        self.section("Steps");
        self.put(format_args!(
            "<table>\n<thead><tr><th class=\"number\">step</th><th class=\"number\">at</th>\
             <th class=\"number\">took</th><th>what</th></tr></thead>\n<tbody>\n"
        ));
        for (at, step) in report.steps.iter().enumerate() {
            let before = at.checked_sub(1).map_or(0.0, |it| report.steps[it].at_seconds);
            let why = step
                .failed
                .as_ref()
                .map(|why| format!("<br><span class=\"word bad\">failed</span> {}", escape(why)));
            self.put(format_args!(
                "<tr><td class=\"number\">{}</td><td class=\"number\">{:.2} s</td>\
                 <td class=\"number\">{}</td><td>{}{}</td></tr>\n",
                step.number,
                step.at_seconds,
                chart::time((step.at_seconds - before).max(0.0) * 1_000.0),
                escape(&step.what),
                why.unwrap_or_default(),
            ));
        }
        self.put(format_args!("</tbody>\n</table>\n"));
    }

    fn notes(&mut self, report: &Report) {
        if !report.verdict.notes.is_empty() {
            self.section("What looks like a breach and is none");
            self.put(format_args!("<ul>\n"));
            for note in &report.verdict.notes {
                self.put(format_args!("<li>{}</li>\n", escape(note)));
            }
            self.put(format_args!("</ul>\n"));
        }
        if !report.findings.is_empty() {
            self.section("What the linter says of the files");
            self.put(format_args!("<ul>\n"));
            for it in &report.findings {
                let line = it.line.map_or_else(String::new, |line| format!(":{line}"));
                self.put(format_args!(
                    "<li><b>{} {}</b> {}{line}: {}. <span class=\"quiet\">{}</span></li>\n",
                    escape(&it.severity),
                    it.id,
                    escape(&it.file),
                    escape(&it.what),
                    escape(&it.cure)
                ));
            }
            self.put(format_args!("</ul>\n"));
        }
    }
}
