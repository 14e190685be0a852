// Observer: shows what it is given, one presentation after another, and measures the answers.
//
// Times are those of the browser: images are in the page, decoded and hidden, before the fixation cross appears; they are
// made visible in the callback of a frame, and that frame's time is their onset (the screen follows within a frame).
// Answers carry the time of the key's own event, which runs on the clock of performance.now().
//
// An answer stays in the browser until the studio has said that the server has it: a closed tab loses none.

const RETRY_MS = 5000;

const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

export default {
  template: `
    <div class="observer" ref="whole" tabindex="-1" :data-phase="phase" :data-answered="answered">
      <section v-if="resting" class="observer-card">
        <h1>{{ heading }}</h1>
        <p v-if="phase === 'ready'" class="observer-words">{{ instructions }}</p>
        <p role="status" aria-live="polite">{{ message }}</p>
        <dl v-if="phase === 'ready' || phase === 'paused'" class="observer-keys">
          <template v-for="row in keys"><dt><kbd v-for="key in row[0]">{{ key }}</kbd></dt><dd>{{ row[1] }}</dd></template>
        </dl>
        <button v-if="phase === 'ready' || phase === 'paused'" @click="proceed">
          {{ phase === 'ready' ? 'Begin' : 'Go on' }} <kbd>Space</kbd>
        </button>
        <p v-if="answered" class="observer-count">{{ answered }} answered here</p>
      </section>
      <section v-else class="observer-stage" :aria-label="question">
        <div class="observer-field">
          <div v-show="phase === 'fixation'" class="observer-cross" aria-hidden="true"></div>
          <div class="observer-images" :class="{ seen: phase === 'images' }" :style="grid">
            <figure v-for="(image, place) in shown.images" :class="{ picked: place === picked }">
              <img :src="image" :alt="'Image ' + (place + 1) + ' of ' + shown.images.length" draggable="false"
                @click="choose(place, $event)">
              <figcaption v-if="way === 'choose'">{{ place + 1 }}</figcaption>
              <figcaption v-if="way === 'compare'">{{ place ? '→' : '←' }}</figcaption>
            </figure>
          </div>
        </div>
        <div class="observer-ask" :class="{ seen: phase === 'images' || phase === 'answer' }">
          <p>{{ question }}</p>
          <div v-if="way === 'rate'" class="observer-scale">
            <button v-for="n in 9" tabindex="-1" :aria-label="'Rate ' + n" @click="give(n, $event)">{{ n }}</button>
          </div>
        </div>
      </section>
    </div>`,
  props: {
    way: String,
    heading: String,
    instructions: String,
    question: String,
    fixation: Number,
    stimulus: Number,
    blank: Number,
    store: String,
  },
  data() {
    return { phase: "ready", message: "", shown: { images: [] }, picked: -1, answered: 0 };
  },
  computed: {
    resting() {
      return ["ready", "paused", "waiting", "ended"].includes(this.phase);
    },
    grid() {
      // As many columns as let the images be largest.
      const count = this.shown.images.length;
      const side = (columns) =>
        Math.min(window.innerWidth / columns, (window.innerHeight - 176) / Math.ceil(count / columns));
      let best = 1;
      for (let columns = 2; columns <= count; columns++) if (side(columns) > side(best)) best = columns;
      return { "--c": best, "--r": Math.ceil(count / best) };
    },
    keys() {
      const answer = {
        rate: [[["1", "…", "9"], "your rating: 1 is least, 9 is most"]],
        compare: [[["←", "→"], "the left or the right image"]],
        choose: [
          [["1", "…", String(this.shown.images.length || 9)], "the image of that number"],
          [["←", "→", "Space"], "move the mark, and choose"],
        ],
      }[this.way];
      return [...answer, [["Esc"], "pause: what you did not answer comes again"]];
    },
  },
  created() {
    // Not reactive: nothing of it is drawn.
    Object.assign(this, { queue: [], given: null, broken: false, going: false, period: 16.7, wake: () => {} });
  },
  mounted() {
    this.onKey = (event) => this.key(event);
    this.onHidden = () => document.hidden && this.breakOff("Paused: the page was hidden.");
    window.addEventListener("keydown", this.onKey);
    document.addEventListener("visibilitychange", this.onHidden);
    for (const answer of this.kept()) this.$emit("answer", answer);
    this.retry = setInterval(() => {
      for (const answer of this.kept()) if (Date.now() - answer.kept > RETRY_MS) this.$emit("answer", answer);
    }, RETRY_MS);
    this.$refs.whole.focus();
  },
  unmounted() {
    window.removeEventListener("keydown", this.onKey);
    document.removeEventListener("visibilitychange", this.onHidden);
    clearInterval(this.retry);
    this.broken = true;
  },
  methods: {
    // Called by the studio.

    add(presentations) {
      for (const each of presentations) {
        const images = each.images.map((source) => {
          const image = new Image();
          image.src = source;
          return image;
        });
        this.queue.push({ ...each, ready: Promise.all(images.map((image) => image.decode())) });
      }
      this.wake();
    },
    say(message) {
      if (this.phase === "waiting" || this.phase === "ready") this.message = message;
      this.waitingFor = message;
    },
    acknowledge(key) {
      this.save(this.kept().filter((each) => each.key !== key));
    },
    end(message) {
      this.queue = [];
      this.broken = true;
      this.phase = "ended";
      this.message = message;
      this.wake();
    },

    // Trials.

    proceed() {
      if (this.phase !== "ready" && this.phase !== "paused") return;
      this.message = "";
      this.phase = "waiting";
      this.$emit("begin");
      this.$refs.whole.focus();
      this.go();
    },
    breakOff(message) {
      if (this.phase === "ready" || this.phase === "ended") return;
      this.broken = true;
      this.phase = "paused";
      this.message = message;
      this.wake();
    },
    async go() {
      if (this.going) return;
      this.going = true;
      await this.measure();
      while (this.phase !== "paused" && this.phase !== "ended") {
        if (!this.queue.length) {
          this.phase = "waiting";
          this.message = this.waitingFor || "The next images are on their way.";
          await new Promise((resolve) => (this.wake = resolve));
          continue;
        }
        this.broken = false;
        const next = this.queue[0];
        await next.ready;
        if (!this.broken && (await this.present(next))) this.queue.shift();
      }
      this.going = false;
    },
    async measure() {
      // The period of the screen: the middle of some frames.
      const times = [];
      for (let n = 0; n < 12 && !document.hidden; n++) times.push(await frame());
      const gaps = times.slice(1).map((time, n) => time - times[n]).sort((a, b) => a - b);
      if (gaps.length) this.period = Math.min(Math.max(gaps[gaps.length >> 1], 2), 50);
    },
    async until(start, time, length) {
      while (!this.broken && time - start < length - this.period / 2) time = await frame();
      return time;
    },
    async present(next) {
      this.given = null;
      this.picked = -1;
      this.shown = next;
      this.phase = "fixation";
      await this.$nextTick();
      await Promise.all([...this.$refs.whole.querySelectorAll("img")].map((image) => image.decode()));
      const crossed = await frame();
      const onset = await this.until(crossed, crossed, this.fixation);
      if (this.broken) return false;
      this.onset = onset;
      this.phase = "images";
      let [time, late, hidden] = [onset, 0, null];
      while (!this.broken && this.given === null) {
        const now = await frame();
        if (hidden === null) late += Math.max(0, Math.round((now - time) / this.period) - 1);
        time = now;
        if (hidden === null && this.stimulus && time - onset >= this.stimulus - this.period / 2 && !this.broken) {
          hidden = time;
          this.phase = "answer";
        }
      }
      if (this.broken || this.given === null) return false;
      this.phase = "blank";
      const answer = {
        key: next.key,
        value: this.given.value,
        reaction_ms: this.given.time - onset,
        onset_s: (performance.timeOrigin + onset) / 1000,
        shown_ms: (hidden ?? time) - onset,
        fixation_ms: onset - crossed,
        late_frames: late,
        kept: Date.now(),
      };
      this.answered += 1;
      this.save([...this.kept(), answer]);
      this.$emit("answer", answer);
      await this.until(time, time, this.blank);
      return true;
    },

    // Answers.

    give(value, event) {
      const asked = this.phase === "images" || this.phase === "answer";
      if (asked && this.given === null && event.timeStamp >= this.onset) this.given = { value, time: event.timeStamp };
    },
    choose(place, event) {
      if (this.way !== "rate") this.give(place, event);
    },
    key(event) {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      const count = this.shown.images.length;
      const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") this.breakOff("Paused.");
      else if (event.key === " " && (this.phase === "ready" || this.phase === "paused")) this.proceed();
      else if (this.resting) return;
      else if (this.way === "rate" && digit) this.give(digit, event);
      else if (this.way === "compare" && step) this.give(step < 0 ? 0 : 1, event);
      else if (this.way === "choose" && digit && digit <= count) this.give(digit - 1, event);
      else if (this.way === "choose" && step) this.picked = Math.min(Math.max(this.picked + step, 0), count - 1);
      else if (this.way === "choose" && event.key === " " && this.picked >= 0) this.give(this.picked, event);
      else return;
      event.preventDefault();
    },

    // What the studio has not acknowledged.

    kept() {
      try {
        return JSON.parse(localStorage.getItem(this.store) || "[]");
      } catch {
        return [];
      }
    },
    save(answers) {
      try {
        if (answers.length) localStorage.setItem(this.store, JSON.stringify(answers));
        else localStorage.removeItem(this.store);
      } catch {
        // A browser that keeps nothing: then what was sent has to do.
      }
    },
  },
};
