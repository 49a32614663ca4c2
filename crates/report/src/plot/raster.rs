//! A plot as PNG: dark on white, in the plot's own coordinates, one pixel each.
//!
//! Owns pixels. Words are set in Ubuntu Light, which comes with the program: a picture does not depend on the fonts of
//! the machine that makes it. A character that the face lacks is its empty box; the SVG has them all.

use std::io::Write as _;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use zeno::{Cap, Command, Join, Mask, PathBuilder as _, Stroke};

use super::canvas::{Across, Down, Place, Shape, Step};
use super::{INK, Plot};

/// What [`INK`] is on paper.
const DARK: (u8, u8, u8) = (27, 31, 36);
const WHITE: u8 = 255;

/// The bytes of the file.
pub(super) fn png(plot: &Plot) -> std::io::Result<Vec<u8>> {
    let (width, height) = plot.size;
    let mut picture = Picture {
        width: width as usize,
        height: height as usize,
        pixels: vec![WHITE; 3 * width as usize * height as usize],
    };
    // The face is a part of the program: if it cannot be read, words are left out.
    let face = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok();
    for step in &plot.steps {
        if let Step::Draw {
            shape,
            color,
            opacity,
            ..
        } = step
        {
            let color = if *color == (INK.0, INK.1, INK.2) {
                DARK
            } else {
                *color
            };
            picture.draw(shape, face.as_ref(), color, *opacity as f32);
        }
    }
    picture.encode()
}

struct Picture {
    width: usize,
    height: usize,
    /// Red, green, blue, row by row.
    pixels: Vec<u8>,
}

impl Picture {
    fn draw(
        &mut self,
        shape: &Shape,
        face: Option<&FontRef<'_>>,
        color: (u8, u8, u8),
        opacity: f32,
    ) {
        let float = |(x, y): Place| [x as f32, y as f32];
        let mut path: Vec<Command> = Vec::new();
        match shape {
            Shape::Words { .. } => {
                if let Some(face) = face {
                    self.words(shape, face, color, opacity);
                }
                return;
            }
            Shape::Box(from, to) => {
                let (from_x, to_x) = (from.0.min(to.0), from.0.max(to.0));
                let (from_y, to_y) = (from.1.min(to.1), from.1.max(to.1));
                for y in from_y..to_y {
                    for x in from_x..to_x {
                        self.blend(x, y, color, opacity);
                    }
                }
                return;
            }
            Shape::Disc(center, radius) => {
                path.add_circle(float(*center), *radius as f32);
            }
            Shape::Area(points) | Shape::Line(points, _) => {
                let Some((first, rest)) = points.split_first() else {
                    return;
                };
                path.move_to(float(*first));
                for place in rest {
                    path.line_to(float(*place));
                }
            }
        }
        let mut mask = Mask::new(&path);
        if let Shape::Line(_, width) = shape {
            mask.style(*Stroke::new(*width as f32).join(Join::Round).cap(Cap::Butt));
        }
        let (coverage, placement) = mask.render();
        let row = placement.width as usize;
        for (index, covered) in coverage
            .iter()
            .enumerate()
            .filter(|(_, covered)| **covered > 0)
        {
            let x = placement.left + (index % row) as i32;
            let y = placement.top + (index / row) as i32;
            self.blend(x, y, color, opacity * f32::from(*covered) / 255.0);
        }
    }

    fn words(&mut self, words: &Shape, face: &FontRef<'_>, color: (u8, u8, u8), opacity: f32) {
        let Shape::Words {
            text,
            at,
            size,
            bold,
            across,
            down,
        } = words
        else {
            return;
        };
        // An SVG's font size is that of the em; ab_glyph's the height from the lowest to the highest.
        let scale = PxScale::from(*size as f32 * 1.15);
        let scaled = face.as_scaled(scale);
        let advance = |character: char| scaled.h_advance(scaled.glyph_id(character));
        let length: f32 = text.chars().map(advance).sum();
        let mut x = at.0 as f32
            - match across {
                Across::Left => 0.0,
                Across::Middle => length / 2.0,
                Across::Right => length,
            };
        let y = at.1 as f32
            + *size as f32
                * match down {
                    Down::Top => 0.76,
                    Down::Middle => 0.35,
                    Down::Bottom => 0.0,
                };
        // A light face is made bold by being set twice.
        let again: &[f32] = if *bold { &[0.0, 0.7, 1.4] } else { &[0.0, 0.4] };
        for character in text.chars() {
            for shift in again {
                let glyph = scaled
                    .glyph_id(character)
                    .with_scale_and_position(scale, point(x + shift, y));
                if let Some(outline) = face.outline_glyph(glyph) {
                    let bounds = outline.px_bounds();
                    outline.draw(|across, down, covered| {
                        let x = bounds.min.x as i32 + across as i32;
                        let y = bounds.min.y as i32 + down as i32;
                        self.blend(x, y, color, opacity * covered.min(1.0));
                    });
                }
            }
            x += advance(character);
        }
    }

    fn blend(&mut self, x: i32, y: i32, color: (u8, u8, u8), opacity: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = 3 * (y * self.width + x);
        for (below, above) in self.pixels[at..at + 3]
            .iter_mut()
            .zip([color.0, color.1, color.2])
        {
            let mixed = f32::from(*below) + (f32::from(above) - f32::from(*below)) * opacity;
            *below = mixed.round() as u8;
        }
    }

    /// The file: its signature, a header, the rows as zlib stream, an end (W3C, PNG specification, third edition).
    fn encode(&self) -> std::io::Result<Vec<u8>> {
        let mut rows = ZlibEncoder::new(Vec::new(), Compression::new(6));
        for row in self.pixels.chunks_exact(3 * self.width) {
            // Filter 0: the bytes as they are.
            rows.write_all(&[0])?;
            rows.write_all(row)?;
        }
        let mut header = Vec::from((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        // Eight bits, red, green and blue; the only compression and set of filters; not interlaced.
        header.extend([8, 2, 0, 0, 0]);
        let mut file = Vec::from(*b"\x89PNG\r\n\x1a\n");
        for (name, data) in [
            (b"IHDR", header),
            (b"IDAT", rows.finish()?),
            (b"IEND", Vec::new()),
        ] {
            let mut crc = Crc::new();
            crc.update(name);
            crc.update(&data);
            let length = u32::try_from(data.len()).map_err(std::io::Error::other)?;
            file.extend(length.to_be_bytes());
            file.extend(name);
            file.extend(data);
            file.extend(crc.sum().to_be_bytes());
        }
        Ok(file)
    }
}
