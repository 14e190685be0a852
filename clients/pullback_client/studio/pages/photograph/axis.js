// A slider along an axis, which keeps its own place: what is drawn beside it does not take it back.
export default {
  template: `
    <div class="axis">
      <label :for="field" class="quiet number">{{ name }}</label>
      <input :id="field" class="axis-slider" type="range" :min="-reach" :max="reach" step="0.1" v-model.number="at"
        :aria-label="shows" @input="$emit('moved', at)">
      <output class="number axis-place" :for="field">{{ (at > 0 ? "+" : "") + at.toFixed(1) }}</output>
    </div>`,
  props: { field: String, name: String, shows: String, reach: Number },
  emits: ["moved"],
  data() {
    return { at: 0 };
  },
};
