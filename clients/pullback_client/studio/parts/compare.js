// Two pictures over each other, and a line between them that is dragged or moved by the arrow keys.
export default {
  template: `
    <div class="compare" :class="{ both: before && after }" :style="{ aspectRatio: width + ' / ' + height, '--at': at + '%' }">
      <img v-if="after" class="compare-after" :src="after" :alt="afterShows" draggable="false">
      <img v-if="before" class="compare-before" :src="before" :alt="beforeShows" draggable="false">
      <div v-if="!after" class="compare-none">{{ afterShows }}</div>
      <div v-if="before && after" class="compare-line" aria-hidden="true"></div>
      <input v-if="before && after" class="compare-range" type="range" min="0" max="100" step="1" v-model.number="at"
        :aria-label="name" :aria-valuetext="at + ' % ' + beforeShows + ', the rest ' + afterShows">
    </div>`,
  props: { before: String, after: String, beforeShows: String, afterShows: String, name: String, width: Number, height: Number },
  data() {
    return { at: 50 };
  },
};
