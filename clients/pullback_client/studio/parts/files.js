// A place where files are chosen or, where the page has one such place, dropped; each is sent by itself, as it is.
export default {
  template: `
    <div class="drop" :class="{ over: over }">
      <input ref="input" :id="field" class="drop-input" type="file" :multiple="several" :accept="accept" @change="choose">
      <label :for="field" class="drop-label"><strong>{{ label }}</strong><span v-if="dropped">{{ dropped }}</span></label>
      <div class="quiet">{{ hint }}</div>
      <div role="status" class="drop-told">{{ told }}</div>
    </div>`,
  props: { url: String, field: String, label: String, dropped: String, accept: String, hint: String, most: Number, several: Boolean },
  data() {
    return { over: false, told: "", waiting: [], sending: false };
  },
  mounted() {
    this.listeners = {};
    if (!this.dropped) return;
    // Elsewhere on the page, a browser would open what is dropped in the place of the page.
    this.listeners = {
      dragover: (event) => {
        if (![...event.dataTransfer.types].includes("Files")) return;
        event.preventDefault();
        this.over = true;
      },
      dragleave: (event) => {
        if (!event.relatedTarget) this.over = false;
      },
      drop: (event) => {
        if (!event.dataTransfer.files.length) return;
        event.preventDefault();
        this.over = false;
        this.take(event.dataTransfer.files);
      },
    };
    for (const [name, listener] of Object.entries(this.listeners)) window.addEventListener(name, listener);
  },
  unmounted() {
    for (const [name, listener] of Object.entries(this.listeners)) window.removeEventListener(name, listener);
  },
  methods: {
    choose() {
      this.take(this.$refs.input.files);
      this.$refs.input.value = ""; // the same file may be chosen again
    },
    async take(files) {
      this.waiting.push(...files);
      if (this.sending) return;
      this.sending = true;
      const refused = [];
      let count = 0;
      while (this.waiting.length) {
        const file = this.waiting.shift();
        this.told = `Reading ${file.name}` + (this.waiting.length ? `, ${this.waiting.length} more after it` : "");
        const reason = await this.send(file);
        if (reason) refused.push(`${file.name}: ${reason}`);
        else count += 1;
      }
      this.sending = false;
      this.told = refused.length ? refused.join("; ") : `${count} ${count === 1 ? "file" : "files"} read`;
    },
    async send(file) {
      if (file.size > this.most) {
        return `it takes ${(file.size / 2 ** 20).toFixed(1)} MiB; at most ${Math.floor(this.most / 2 ** 20)} MiB can be sent: scale it down first`;
      }
      try {
        const answer = await fetch((window.path_prefix || "") + this.url, {
          method: "POST",
          body: file,
          headers: { "X-Name": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" },
        });
        return answer.status === 204 ? "" : (await answer.text()).slice(0, 300);
      } catch {
        return "the studio does not answer; try again";
      }
    },
  },
};
