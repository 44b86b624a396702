/// Bits of the coded data, most significant first. After a byte 0xFF the next one carries 7 bits.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    held: u64,
    count: u32,
    after_ff: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, held: 0, count: 0, after_ff: false }
    }

    /// Makes sure of as many bits as there are room for; the end of the data shows as too few of them.
    fn refill(&mut self) {
        while self.count <= 48 {
            let [byte, rest @ ..] = self.data else { return };
            // A marker ends the data.
            if self.after_ff && *byte >= 0x80 {
                self.data = &[];
                return;
            }
            let width = if self.after_ff { 7 } else { 8 };
            self.held = self.held << width | u64::from(*byte);
            self.count += width;
            self.after_ff = *byte == 0xFF;
            self.data = rest;
        }
    }

    /// The next `width` bits (at most 32) as a number.
    pub(super) fn read(&mut self, width: u32) -> Option<u32> {
        if width == 0 {
            return Some(0);
        }
        if self.count < width {
            self.refill();
        }
        self.count = self.count.checked_sub(width)?;
        let mask = (1u64 << width) - 1;
        Some((self.held >> self.count & mask) as u32)
    }

    /// A limited Golomb code (T.87 A.5.3).
    pub(super) fn golomb(&mut self, k: u32, limit: u32, bits: u32) -> Option<i32> {
        let most = limit.checked_sub(bits + 1)?;
        let mut zeros = 0;
        loop {
            if self.count == 0 {
                self.refill();
            }
            if self.count == 0 {
                return None;
            }
            // How many of the held bits are 0 before the first 1.
            let top = self.held << (64 - self.count);
            let run = top.leading_zeros().min(self.count);
            zeros += run;
            if zeros > limit {
                return None;
            }
            if run < self.count {
                self.count -= run + 1;
                break;
            }
            self.count = 0;
        }
        let value = if zeros < most { (zeros << k) + self.read(k)? } else { self.read(bits)? + 1 };
        i32::try_from(value).ok()
    }
}
