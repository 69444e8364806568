/**
 * Changelogs for people: the text of each changeset as it was written, without commit hashes. Packages are released together, with
 * one version, so "updated dependencies" says nothing and is left out.
 */
module.exports = {
  async getReleaseLine({ summary }) {
    const text = summary.trim()
    // A changeset that is a list stays one; any other text becomes an item of it.
    return text.startsWith('- ') ? text : `- ${text.split('\n').join('\n  ')}`
  },
  async getDependencyReleaseLine() {
    return ''
  },
}
