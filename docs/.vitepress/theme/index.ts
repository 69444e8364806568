import DefaultTheme from 'vitepress/theme'
import type { Theme } from 'vitepress'
import { h } from 'vue'
import Benchmarks from './Benchmarks.vue'
import HomeAsk from './HomeAsk.vue'
import LiveExample from './LiveExample.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'home-hero-image': () => h(HomeAsk) }),
  enhanceApp({ app }) {
    app.component('Benchmarks', Benchmarks)
    app.component('LiveExample', LiveExample)
    // Elements of the pages need a document; the engine behind them is loaded when they are used.
    if (!import.meta.env.SSR) {
      void import('../../src/windows-element.ts')
      void import('../../src/device-elements.ts')
    }
  },
} satisfies Theme
