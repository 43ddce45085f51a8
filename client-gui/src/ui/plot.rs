//! A line of the last values, filled below: speeds, times, lag.

use super::tokens::colours;
use super::widgets::muted;
use crate::state::model::MAX_POINTS;
use eframe::egui::{Color32, Mesh, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};
use std::collections::VecDeque;

/// Draws `points`, the oldest first, the newest at the right edge, and `text` below, which
/// says the same in words.
pub(super) fn plot(ui: &mut Ui, points: &VecDeque<f64>, height: f32, text: &str) {
    let c = colours(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    // A line that hovers between 0 and almost nothing is a flat line.
    let most = points.iter().copied().fold(1.0_f64, f64::max);
    let step = rect.width() / (MAX_POINTS - 1) as f32;
    let first = rect.right() - step * points.len().saturating_sub(1) as f32;
    let line: Vec<_> = points
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let share = (value / most) as f32;
            pos2(first + index as f32 * step, rect.bottom() - share * (rect.height() - 8.0))
        })
        .collect();
    ui.painter().add(Shape::mesh(below(&line, rect.bottom(), c.accent.gamma_multiply(0.15))));
    ui.painter().add(Shape::line(line, Stroke::new(1.5, c.accent)));
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, c.hairline));
    muted(ui, text);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, text));
}

/// The area between a line and the bottom.
fn below(line: &[eframe::egui::Pos2], bottom: f32, colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for point in line {
        let next = u32::try_from(mesh.vertices.len()).unwrap_or(0);
        mesh.colored_vertex(*point, colour);
        mesh.colored_vertex(pos2(point.x, bottom), colour);
        if next >= 2 {
            mesh.add_triangle(next - 2, next - 1, next);
            mesh.add_triangle(next - 1, next, next + 1);
        }
    }
    mesh
}
