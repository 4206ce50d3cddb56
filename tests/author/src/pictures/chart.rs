//! A line or bar chart as SVG, on a light ground so that it reads on dark pages too.

use kit::svg::Svg;

/// One line, or one group of bars.
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Its points, x ascending.
    pub points: Vec<(f64, f64)>,
}

/// A chart and its words.
pub struct Chart {
    /// Above the picture.
    pub title: String,
    /// Along the bottom.
    pub x: String,
    /// Along the side.
    pub y: String,
    /// Logarithmic axes, x and y.
    pub log: (bool, bool),
    /// Bars beside each other instead of lines.
    pub bars: bool,
    /// At most six.
    pub series: Vec<Series>,
}

const COLOURS: [&str; 6] = ["#2f6fb7", "#c2571a", "#2e8b57", "#8247a5", "#7a6a00", "#5b6b82"];
const INK: (&str, &str) = ("fill", "#1d2433");
const PALE: (&str, &str) = ("fill", "#4a5568");
const MIDDLE: (&str, &str) = ("text-anchor", "middle");
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 56.0;

struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, log: bool, from: f64, to: f64) -> Axis {
        let high = values.clone().fold(f64::MIN, f64::max);
        let low = if log { values.filter(|v| *v > 0.0).fold(f64::MAX, f64::min) } else { 0.0 };
        if log {
            return Axis {
                low: 10f64.powf(low.log10().floor()),
                high: 10f64.powf(high.log10().ceil()),
                log,
                from,
                to,
            };
        }
        let step = nice_step(high);
        Axis { low, high: (high / step).ceil() * step, log, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10().max(1e-9)
        } else {
            (value - self.low) / (self.high - self.low).max(1e-9)
        };
        self.from + share * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = (self.high / self.low).log10().round() as i32;
            return (0..=decades).map(|d| self.low * 10f64.powi(d)).collect();
        }
        let step = nice_step(self.high);
        (0..=((self.high / step).round() as i32)).map(|i| f64::from(i) * step).collect()
    }
}

fn nice_step(high: f64) -> f64 {
    let rough = high / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough).unwrap_or(power)
}

fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", trim(v / 1e6)),
        v if v >= 1e3 => format!("{}k", trim(v / 1e3)),
        v => trim(v),
    }
}

/// As a measurement is told: without the digits that the next run would change.
fn figure(value: f64) -> String {
    let step = if value >= 1000.0 { 10f64.powf(value.log10().floor() - 2.0) } else { 0.1 };
    number((value / step).round() * step)
}

fn trim(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Chart {
    /// The picture.
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|s| s.points.iter());
        let x = Axis::over(points().map(|p| p.0), self.log.0, LEFT, WIDTH - RIGHT);
        let y = Axis::over(points().map(|p| p.1), self.log.1, HEIGHT - BOTTOM, TOP);
        let mut svg = Svg::new(WIDTH, HEIGHT, &self.title);
        svg.style("text{font-size:13px}.title{font-size:16px;font-weight:600}.figure{font-size:11px}");
        svg.rect(0.0, 0.0, WIDTH, HEIGHT, &[("rx", "10"), ("fill", "#f7f8fa")]);
        svg.text(LEFT, 26.0, &self.title, &[("class", "title"), INK]);
        self.axes(&mut svg, &x, &y);
        for (index, series) in self.series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            if self.bars {
                self.group(&mut svg, index, series, colour, &y);
            } else {
                line(&mut svg, series, colour, &x, &y);
            }
            let at = LEFT + index as f64 * 190.0;
            svg.rect(at, 40.0, 12.0, 12.0, &[("rx", "2"), ("fill", colour)]);
            svg.text(at + 18.0, 51.0, &series.name, &[INK]);
        }
        svg.finish()
    }

    /// The chart's figures as a Markdown table, for the chapter that shows the chart.
    pub fn markdown(&self) -> String {
        let mut rows = vec![format!("| {} |", self.x), "|---|".to_owned()];
        for (x, _) in &self.series[0].points {
            rows.push(format!("| {} |", number(*x)));
        }
        for series in &self.series {
            rows[0] += &format!(" {} |", series.name);
            rows[1] += "---|";
            for (row, (_, y)) in rows[2..].iter_mut().zip(&series.points) {
                *row += &format!(" {} |", figure(*y));
            }
        }
        format!("*{}*\n\n{}\n", self.y, rows.join("\n"))
    }

    fn axes(&self, svg: &mut Svg, x: &Axis, y: &Axis) {
        for tick in y.ticks() {
            let at = y.at(tick);
            svg.line((LEFT, at), (WIDTH - RIGHT, at), &[("stroke", "#d5dae3")]);
            svg.text(LEFT - 8.0, at + 4.0, number(tick), &[("text-anchor", "end"), PALE]);
        }
        let ticks = if self.bars { self.series[0].points.iter().map(|p| p.0).collect() } else { x.ticks() };
        for (index, tick) in ticks.iter().enumerate() {
            let at = if self.bars { self.slot(index).0 } else { x.at(*tick) };
            svg.text(at, HEIGHT - BOTTOM + 20.0, number(*tick), &[MIDDLE, PALE]);
        }
        svg.text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0, &self.x, &[MIDDLE, INK]);
        svg.turned_text((20.0, (TOP + HEIGHT - BOTTOM) / 2.0), -90.0, &self.y, &[MIDDLE, INK]);
    }

    /// The middle of a group of bars and the width of one bar.
    fn slot(&self, index: usize) -> (f64, f64) {
        let width = (WIDTH - LEFT - RIGHT) / self.series[0].points.len() as f64;
        (LEFT + width * (index as f64 + 0.5), width * 0.7 / self.series.len() as f64)
    }

    fn group(&self, svg: &mut Svg, index: usize, series: &Series, colour: &str, y: &Axis) {
        for (place, (_, value)) in series.points.iter().enumerate() {
            let (middle, width) = self.slot(place);
            let left = middle + (index as f64 - self.series.len() as f64 / 2.0) * width;
            let top = y.at(*value);
            svg.rect(left, top, width - 3.0, HEIGHT - BOTTOM - top, &[("fill", colour)]);
            svg.text(
                left + (width - 3.0) / 2.0,
                top - 4.0,
                figure(*value),
                &[("class", "figure"), MIDDLE, INK],
            );
        }
    }
}

fn line(svg: &mut Svg, series: &Series, colour: &str, x: &Axis, y: &Axis) {
    let points = series.points.iter().map(|(px, py)| (x.at(*px), y.at(*py)));
    svg.polyline(points, &[("stroke", colour), ("stroke-width", "2.5"), ("stroke-linejoin", "round")]);
    // Dots only where there are few: they say what was measured and what is drawn between.
    if series.points.len() <= 20 {
        for (px, py) in &series.points {
            let title = format!("{} : {}", number(*px), figure(*py));
            svg.circle(x.at(*px), y.at(*py), 4.0, &title, &[("fill", colour)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_holds_every_point_inside_its_frame() {
        let points = vec![(10.0, 17_500.0), (1000.0, 5_553.0), (10_000.0, 353.0)];
        let chart = Chart {
            title: "a < b".into(),
            x: "idle".into(),
            y: "round trips/s".into(),
            log: (true, true),
            bars: false,
            series: vec![Series { name: "poll".into(), points }],
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("a &lt; b") && !svg.contains("NaN"));
    }

    #[test]
    fn bars_stand_side_by_side() {
        let series =
            |name: &str, value| Series { name: name.into(), points: vec![(3.0, value), (16.0, value)] };
        let chart = Chart {
            title: "memory".into(),
            x: "value, bytes".into(),
            y: "bytes a key".into(),
            log: (false, false),
            bars: true,
            series: vec![series("ours", 40.0), series("redis", 116.0)],
        };
        // The ground, two legend marks, four bars.
        assert_eq!(chart.svg().matches("<rect").count(), 7);
    }

    #[test]
    fn a_table_holds_the_figures_of_the_chart() {
        let series =
            |name: &str, value| Series { name: name.into(), points: vec![(3.0, value), (1600.0, 17_543.2)] };
        let chart = Chart {
            title: String::new(),
            x: "value".into(),
            y: "bytes".into(),
            log: (false, false),
            bars: true,
            series: vec![series("ours", 33.84), series("redis", 115.3)],
        };
        let table = "*bytes*\n\n| value | ours | redis |\n|---|---|---|\n| 3 | 33.8 | 115.3 |\n| 1.6k | 17.5k | 17.5k |\n";
        assert_eq!(chart.markdown(), table);
        assert!(chart.svg().contains(">33.8<") && chart.svg().contains(">17.5k<"));
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(nice_step(116.0), 50.0);
        assert_eq!(nice_step(9.0), 2.0);
        assert_eq!(number(17_500.0), "17.5k");
    }
}
