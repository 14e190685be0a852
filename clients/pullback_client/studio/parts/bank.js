// Sliders along axes. Values are kept here while the hand moves; the server is told of every one and draws the newest.
export default {
  template: `
    <div class="bank" :class="{ plain: !strips }" role="group" :aria-label="name">
      <div v-for="row in rows" :key="row.index" class="bank-row" :class="{ held: row.index === held }">
        <span class="bank-name" :title="row.hint">{{ row.name }}</span>
        <input type="range" class="bank-range" :min="-reach" :max="reach" :step="reach / 40" :value="at(row.index)" :style="filled(row.index)"
          :aria-label="'Axis ' + row.name" :aria-valuetext="said(row.index) + ' steps'" :title="row.hint"
          @input="move(row.index, $event.target.value)" @focus="hold(row.index)" @pointerdown="hold(row.index)"
          @dblclick="move(row.index, 0)" @keydown.delete.prevent="move(row.index, 0)">
        <input type="number" class="bank-value number" step="any" :value="said(row.index)"
          :aria-label="'Steps along axis ' + row.name" @focus="hold(row.index)"
          @change="type(row.index, $event.target)">
        <button v-if="strips" type="button" class="bank-strip" :aria-label="'Strip along axis ' + row.name"
          title="Images along this axis" @click="hold(row.index); $emit('strip', row.index)">
          <svg viewBox="0 0 22 12" width="22" height="12" aria-hidden="true">
            <rect v-for="n in 3" :key="n" :x="(n - 1) * 7.5 + .5" y="2.5" width="6" height="7" rx="1" fill="none"
              stroke="currentColor"></rect>
          </svg>
        </button>
      </div>
    </div>`,
  props: { rows: Array, reach: Number, name: String, strips: Boolean },
  emits: ["move", "strip"],
  data: () => ({ now: {}, held: -1, moves: 0 }),
  watch: {
    rows: { immediate: true, handler(rows) { this.now = Object.fromEntries(rows.map((row) => [row.index, row.value])); } },
  },
  methods: {
    at(index) { return this.now[index] ?? 0; },
    filled(index) {
      // From the middle to the hand, in parts of the way.
      const place = Math.min(Math.max(.5 + this.at(index) / (2 * this.reach), 0), 1);
      return { "--from": `${100 * Math.min(.5, place)}%`, "--to": `${100 * Math.max(.5, place)}%` };
    },
    said(index) { return String(Math.round(this.at(index) * 1000) / 1000); },
    move(index, text) {
      const value = Number(text);
      this.now[index] = value;
      this.moves += 1;
      this.hold(index);
      this.$emit("move", { index, value, moves: this.moves });
    },
    type(index, field) {
      if (field.value !== "" && Number.isFinite(Number(field.value))) this.move(index, field.value);
      else field.value = this.said(index);
    },
    hold(index) {
      this.held = index;
      window.dispatchEvent(new CustomEvent("axis-held", { detail: index }));
    },
  },
};
