/** Sentences written for this, spoken by espeak-ng's voices. */
export const texts = {
  en: [
    "The kettle was singing before anyone had thought of tea.",
    "Put the small screws in the left drawer, and the long ones under the bench.",
    "She counted seven knocks, a pause, and then three more.",
    "Nobody noticed that the clock in the hall had stopped at noon.",
    "A red van drove twice around the square, looking for the market.",
    "If the hinge squeaks again, a drop of oil will do.",
    "Where did you leave the hammer that I lent you last autumn?",
    "Rain drummed on the tin roof until the early morning.",
    "We measured the plank, cut it, and found that it was too short.",
    "Please speak slowly; the microphone is older than both of us.",
    "Zebras, giraffes and five shy foxes drank from the same pool.",
    "His quick hands shuffled the cards without a sound.",
    "The bridge hums when the wind comes from the north.",
    "Twelve spoons, eleven forks and not a single knife!",
    "Every evening the baker's daughter practised the same four chords.",
    "You could hear the ice on the lake crack from a mile away.",
  ],
  de: [
    "Der alte Wasserhahn tropft schon seit gestern Abend.",
    "Im Keller stehen drei Fahrräder, aber keines hat Luft.",
    "Könntest du bitte die Tür leise schließen?",
    "Zwischen den Bäumen glitzerte ein schmaler Bach.",
  ],
  fr: [
    "Le vieux marchand range ses caisses avant la pluie.",
    "Qui a posé cette clé sur le bord de la fenêtre ?",
    "Huit oiseaux gris se sont perchés sur le toit du garage.",
  ],
  es: [
    "La puerta del taller se abre con un golpe seco.",
    "Mañana lloverá, así que guarda las sillas en el patio.",
    "El perro del vecino ladra cuando pasa el tren.",
  ],
  it: [
    "La bicicletta rossa è ancora appoggiata al muro.",
    "Chi ha lasciato aperto il cancello del giardino?",
    "Il fabbro batte il ferro tre volte e poi ascolta.",
  ],
};

export const variants = ["", "+m1", "+m3", "+m7", "+f1", "+f2", "+f4", "+croak"];

/** Kept from training: these sentences, and these variants of the voices. */
export const held = {
  texts: {
    en: [
      "A copper coin rolled under the piano and rang for a while.",
      "Both lamps flickered, then the whole street went dark.",
    ],
    de: ["Auf dem Dach klappert ein loses Blech im Wind."],
    fr: ["La cloche du village sonne encore une fois."],
  },
  variants: ["+m5", "+f3"],
};
