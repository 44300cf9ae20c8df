/** What a page shows instead of its list, or below it: that it loads, why it failed, that there is nothing. */
Component({
  properties: {
    loading: Boolean,
    failure: String,
    /** How many things are shown already. */
    shown: Number,
    /** What to say when there is nothing. */
    empty: String,
  },
  methods: {
    retry() {
      this.triggerEvent("retry");
    },
  },
});
