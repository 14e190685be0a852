// A photograph with the square that is compared, which is moved and resized, and the mask that a brush draws over it.
const KEY_STEP = 0.02; // of the square's side
const REST = 150; // milliseconds
const LEAST = 8; // pixels of a side
const BITMAP = 1024; // pixels of the mask's drawing

export default {
  template: `
    <div class="framing" ref="whole" :class="mode" :style="{ aspectRatio: width + ' / ' + height }">
      <img :src="src" :alt="shows" draggable="false">
      <canvas ref="canvas" aria-hidden="true" @pointerdown="begin" @pointermove="go" @pointerup="end" @pointercancel="end"></canvas>
      <div v-if="mode === 'crop'" class="framing-square" tabindex="0" role="group" :style="place" :aria-label="told"
        aria-roledescription="movable square" @keydown="key" @pointerdown="grab($event, 'move')" @pointermove="drag" @pointerup="drop" @pointercancel="drop">
        <span v-for="corner in corners" :key="corner" class="framing-corner" :class="corner" @pointerdown.stop="grab($event, corner)"></span>
      </div>
      <div v-else class="framing-square still" :style="place" aria-hidden="true"></div>
    </div>`,
  props: { src: String, shows: String, width: Number, height: Number, crop: Array, mode: String, marks: Array, radius: Number, erases: Boolean },
  emits: ["crop", "stroke"],
  data() {
    return { square: this.centred(), own: null, grabbed: null, sent: [], timer: null, corners: ["nw", "ne", "sw", "se"] };
  },
  computed: {
    place() {
      const [left, top, size] = this.square;
      const share = (value, whole) => (100 * value) / whole + "%";
      return { left: share(left, this.width), top: share(top, this.height), width: share(size, this.width), height: share(size, this.height) };
    },
    told() {
      const [left, top, size] = this.square;
      return `Square that is compared: left ${left}, top ${top}, size ${size} pixels. Arrow keys move it, plus and minus change its size.`;
    },
  },
  watch: {
    crop(value) {
      // What was told comes back, late perhaps, and is no news.
      const echo = this.sent.indexOf(JSON.stringify(value));
      if (echo >= 0) this.sent.splice(0, echo + 1);
      else if (!this.grabbed) this.square = this.centred();
    },
    src() {
      this.square = this.centred();
    },
    marks() {
      this.own = null;
      this.draw();
    },
    width() {
      this.$nextTick(this.draw);
    },
  },
  mounted() {
    this.draw();
  },
  methods: {
    centred() {
      if (this.crop) return [...this.crop];
      const size = Math.min(this.width, this.height);
      return [Math.floor((this.width - size) / 2), Math.floor((this.height - size) / 2), size];
    },
    set(left, top, size) {
      const least = Math.min(LEAST, this.width, this.height);
      size = Math.round(Math.min(Math.max(size, least), this.width, this.height));
      left = Math.round(Math.min(Math.max(left, 0), this.width - size));
      top = Math.round(Math.min(Math.max(top, 0), this.height - size));
      this.square = [left, top, size];
    },
    key(event) {
      const [left, top, size] = this.square;
      const step = event.shiftKey ? 1 : Math.max(1, Math.round(size * KEY_STEP));
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
      if (moves[event.key]) this.set(left + moves[event.key][0], top + moves[event.key][1], size);
      else if (event.key === "+" || event.key === "=") this.set(left - step / 2, top - step / 2, size + step);
      else if (event.key === "-") this.set(left + step / 2, top + step / 2, size - step);
      else return;
      event.preventDefault();
      // Once keys rest: a key that is held repeats.
      clearTimeout(this.timer);
      this.timer = setTimeout(this.tell, REST);
    },
    tell() {
      clearTimeout(this.timer);
      this.sent.push(JSON.stringify(this.square));
      this.$emit("crop", this.square);
    },
    at(event) {
      const box = this.$refs.whole.getBoundingClientRect();
      return [((event.clientX - box.left) * this.width) / box.width, ((event.clientY - box.top) * this.height) / box.height];
    },
    grab(event, how) {
      event.preventDefault();
      event.target.closest(".framing-square").focus();
      event.target.closest(".framing-square").setPointerCapture(event.pointerId);
      this.grabbed = { how, at: this.at(event), square: [...this.square] };
    },
    drag(event) {
      if (!this.grabbed) return;
      const [x, y] = this.at(event);
      const { how, at, square } = this.grabbed;
      const [left, top, size] = square;
      if (how === "move") return this.set(left + x - at[0], top + y - at[1], size);
      // The corner across stays where it is.
      const right = left + size, bottom = top + size;
      const [fixX, fixY] = [how.includes("w") ? right : left, how.includes("n") ? bottom : top];
      const roomX = how.includes("w") ? right : this.width - left, roomY = how.includes("n") ? bottom : this.height - top;
      const next = Math.min(Math.max(Math.abs(x - fixX), Math.abs(y - fixY)), roomX, roomY);
      this.set(how.includes("w") ? right - next : left, how.includes("n") ? bottom - next : top, next);
    },
    drop() {
      if (!this.grabbed) return;
      this.grabbed = null;
      this.tell();
    },
    begin(event) {
      if (this.mode !== "mask") return;
      event.preventDefault();
      event.target.setPointerCapture(event.pointerId);
      this.own = { points: [this.at(event)], radius: this.radius, shows: this.erases };
      this.draw();
    },
    go(event) {
      if (!this.own || !event.buttons) return;
      const next = this.at(event), last = this.own.points[this.own.points.length - 1];
      if (Math.hypot(next[0] - last[0], next[1] - last[1]) < this.radius / 4) return;
      this.own.points.push(next);
      this.draw();
    },
    end() {
      if (!this.own) return;
      const points = this.own.points.map(([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10]);
      this.$emit("stroke", { ...this.own, points });
    },
    draw() {
      const canvas = this.$refs.canvas;
      if (!canvas) return;
      const scale = BITMAP / Math.max(this.width, this.height);
      canvas.width = Math.round(this.width * scale);
      canvas.height = Math.round(this.height * scale);
      const pen = canvas.getContext("2d");
      pen.scale(scale, scale);
      pen.lineCap = pen.lineJoin = "round";
      pen.fillStyle = pen.strokeStyle = "#d4371c";
      for (const mark of [...(this.marks || []), ...(this.own ? [this.own] : [])]) {
        if (mark.box) {
          pen.globalCompositeOperation = "source-over";
          pen.fillRect(...mark.box);
          continue;
        }
        pen.globalCompositeOperation = mark.shows ? "destination-out" : "source-over";
        pen.lineWidth = 2 * mark.radius;
        pen.beginPath();
        pen.moveTo(...mark.points[0]);
        for (const point of mark.points) pen.lineTo(...point);
        pen.stroke();
      }
    },
  },
};
