import { h } from 'preact';
import htm from 'htm';

/** Markup as a tagged template. What is put into it is text, or an attribute's value: never markup. */
export const html = htm.bind(h);
