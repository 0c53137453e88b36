//! Costs over sizes as a picture: a panel for each store, a line for each call, both scales by tens. Not: a table.
//!
//! **It is drawn from the figures of one run, and holds nothing else.**

use std::fmt::Write as _;

/// What one call cost at each size, in microseconds.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(usize, f64)>,
}

/// The lines of one store.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
}

const COLOURS: [&str; 11] = ["#06c", "#c40", "#080", "#808", "#a60", "#088", "#c06", "#444", "#36f", "#9a0", "#f60"];

/// Each panel with its margins, and the field in it.
const PANEL: f64 = 520.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 50.0;
const WIDTH: f64 = 270.0;
const HEIGHT: f64 = 320.0;

/// The names of two lines stand at least so far apart.
const APART: f64 = 15.0;

pub(crate) fn drawn(title: &str, panels: &[Panel]) -> String {
    let width = PANEL * panels.iter().map(|_| 1.0).sum::<f64>();
    let height = TOP + HEIGHT + 50.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{title}</text>\n"
    );
    let mut left = LEFT;
    for panel in panels {
        draw(&mut svg, left, panel);
        left += PANEL;
    }
    svg + "</svg>\n"
}

fn draw(svg: &mut String, left: f64, panel: &Panel) {
    let costs = || panel.lines.iter().flat_map(|line| line.points.iter().map(|(_, cost)| cost.max(1.0).log10()));
    let (lowest, highest) = (costs().fold(9.0, f64::min).floor(), costs().fold(0.0, f64::max).ceil());
    let sizes = || panel.lines.iter().flat_map(|line| line.points.iter().map(|(size, _)| tens(*size)));
    let (fewest, most) = (sizes().fold(9.0, f64::min), sizes().fold(0.0, f64::max));
    let up = |cost: f64| TOP + HEIGHT * (highest - cost.max(1.0).log10()) / (highest - lowest).max(1.0);
    let across = |size: usize| left + WIDTH * (tens(size) - fewest) / (most - fewest).max(0.01);

    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{}</text>", TOP - 10.0, panel.title);
    let mut mark = 10_f64.powf(lowest);
    while mark.log10() <= highest + 0.01 {
        let y = up(mark);
        let _ = writeln!(svg, "<path d=\"M{left} {y:.1}h{WIDTH}\" stroke=\"#ddd\"/>");
        let shown = match mark {
            ..1e3 => format!("{mark:.0} µs"),
            ..1e6 => format!("{:.0} ms", mark / 1e3),
            _ => format!("{:.0} s", mark / 1e6),
        };
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{shown}</text>", left - 6.0, y + 4.0);
        mark *= 10.0;
    }
    for (size, _) in panel.lines.first().map_or(&[][..], |line| &line.points) {
        let (x, y) = (across(*size), TOP + HEIGHT + 18.0);
        let _ = writeln!(svg, "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"middle\">{size}</text>");
    }
    let (x, y) = (left + WIDTH / 2.0, TOP + HEIGHT + 38.0);
    let _ = writeln!(svg, "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"middle\">users</text>");

    // From the top down, each name beside the end of its line or below the name before.
    let mut named: Vec<(f64, &Line, &str)> = Vec::new();
    for (line, colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
        let points = line.points.iter().map(|(size, cost)| (across(*size), up(*cost)));
        let path: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let path = path.join(" ");
        let _ = writeln!(svg, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        if let Some((_, cost)) = line.points.last() {
            named.push((up(*cost), line, colour));
        }
    }
    named.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
    let mut lowest_name = f64::NEG_INFINITY;
    for (y, line, colour) in named {
        let at = y.max(lowest_name + APART);
        lowest_name = at;
        let x = left + WIDTH + 8.0;
        let _ = writeln!(svg, "<text x=\"{x:.0}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>", at + 4.0, line.name);
    }
}

/// How often ten goes into the size, by multiplication.
fn tens(size: usize) -> f64 {
    f64::from(u32::try_from(size.max(1)).unwrap_or(u32::MAX)).log10()
}
