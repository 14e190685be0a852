// The rates α of axes by rank on a logarithmic scale; those under sliders are filled, the one under the hand is marked.
const WIDTH = 360, HEIGHT = 240, LEFT = 46, RIGHT = 12, TOP = 12, BOTTOM = 34;

export default {
  template: `
    <figure class="spectrum">
      <svg :viewBox="'0 0 ${WIDTH} ${HEIGHT}'" role="img" :aria-label="label" @click="pick">
        <g class="spectrum-grid">
          <template v-for="power in powers" :key="power">
            <line :x1="${LEFT}" :x2="${WIDTH - RIGHT}" :y1="y(10 ** power)" :y2="y(10 ** power)"></line>
            <text :x="${LEFT - 6}" :y="y(10 ** power) + 4" text-anchor="end">10<tspan dy="-4" font-size="8">{{ power }}</tspan></text>
          </template>
          <text v-for="tick in ticks" :key="tick" :x="x(tick)" y="${HEIGHT - 18}" text-anchor="middle">{{ tick }}</text>
          <text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 3}" text-anchor="middle">axis</text>
        </g>
        <rect v-if="count" class="spectrum-shown" :x="x(first - .5)" :width="x(first + count - .5) - x(first - .5)"
          y="${TOP}" height="${HEIGHT - TOP - BOTTOM}"></rect>
        <polyline class="spectrum-line" :points="line"></polyline>
        <circle v-for="rank in under" :key="rank" class="spectrum-dot" :cx="x(rank)" :cy="y(rates[rank])" r="2.6"></circle>
        <g v-if="held in rates && rates[held] > 0" class="spectrum-held">
          <line :x1="x(held)" :x2="x(held)" y1="${TOP}" y2="${HEIGHT - BOTTOM}"></line>
          <circle :cx="x(held)" :cy="y(rates[held])" r="5"></circle>
        </g>
      </svg>
      <figcaption class="quiet number" aria-live="off">{{ caption }}</figcaption>
    </figure>`,
  props: { rates: Array, first: Number, count: Number, eigen: Boolean },
  emits: ["pick"],
  data: () => ({ held: -1 }),
  mounted() {
    this.take = (event) => { this.held = event.detail; };
    window.addEventListener("axis-held", this.take);
  },
  unmounted() { window.removeEventListener("axis-held", this.take); },
  computed: {
    positive() { return this.rates.filter((rate) => rate > 0); },
    low() { return Math.floor(Math.log10(Math.min(...this.positive, 1)) * 2) / 2; },
    high() { return Math.ceil(Math.log10(Math.max(...this.positive, Number.MIN_VALUE)) * 2) / 2; },
    powers() {
      const found = [];
      const stride = Math.max(1, Math.ceil((this.high - this.low) / 6));
      for (let power = Math.ceil(this.low); power <= this.high; power += stride) found.push(power);
      return found;
    },
    ticks() {
      const last = this.rates.length - 1;
      return last < 1 ? [0] : [...new Set([0, .25, .5, .75, 1].map((part) => Math.round(part * last)))];
    },
    under() {
      const ranks = Array.from({ length: this.count }, (_, n) => this.first + n);
      return ranks.filter((rank) => this.rates[rank] > 0);
    },
    line() {
      return this.rates.map((rate, rank) => [rank, rate]).filter(([, rate]) => rate > 0)
        .map(([rank, rate]) => `${this.x(rank).toFixed(1)},${this.y(rate).toFixed(1)}`).join(" ");
    },
    total() { return this.positive.reduce((sum, rate) => sum + rate, 0); },
    label() { return `Rate of change α along ${this.rates.length} axes, logarithmic. ${this.caption}`; },
    caption() {
      if (!(this.held in this.rates)) return "Move a slider: its axis is marked here. Click to bring others under sliders.";
      const rate = this.rates[this.held];
      const share = this.eigen ? `, ${(100 * Math.max(rate, 0) / this.total).toPrecision(3)} % of all change` : "";
      const step = rate > 0 ? `; a step is ${(1 / Math.sqrt(rate)).toPrecision(3)} of the latent` : "; it changes nothing";
      return `Axis ${this.held}: α = ${rate.toPrecision(3)}${share}${step}`;
    },
  },
  methods: {
    x(rank) {
      const last = Math.max(this.rates.length - 1, 1);
      return LEFT + Math.min(Math.max(rank / last, 0), 1) * (WIDTH - LEFT - RIGHT);
    },
    y(rate) {
      const span = this.high - this.low || 1;
      return TOP + (this.high - Math.log10(rate)) / span * (HEIGHT - TOP - BOTTOM);
    },
    pick(event) {
      const box = event.currentTarget.getBoundingClientRect();
      const across = ((event.clientX - box.left) / box.width * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
      const last = this.rates.length - 1;
      this.$emit("pick", Math.min(Math.max(Math.round(across * last), 0), Math.max(last, 0)));
    },
  },
};
